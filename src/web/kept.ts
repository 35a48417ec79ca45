// Trained models that a browser keeps, in IndexedDB, by name.
import type { ModelConfig, TrainedWeights } from "../predict/trained.ts";

const DATABASE = "genclass";
const STORE = "models";

/** A model that is kept: what it was made from, and its weights; a whole snapshot, with which training can go on, is kept whole. */
export interface KeptModel<W extends TrainedWeights = TrainedWeights> {
  /** What it was made from. */
  readonly config: ModelConfig;
  /** Its weights, or a whole snapshot. */
  readonly weights: W;
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Does one thing with the store, and waits until it lasts. */
async function use<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  const database = await settled(opening);
  try {
    const transaction = database.transaction(STORE, mode, { durability: "strict" });
    const ended = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error);
    });
    const [result] = await Promise.all([settled(act(transaction.objectStore(STORE))), ended]);
    return result;
  } finally {
    database.close();
  }
}

/** Keeps a model under a name; one that was kept under it is replaced. */
export async function keep(name: string, model: KeptModel): Promise<void> {
  await use("readwrite", (store) => store.put(model, name));
}

/** The model that is kept under a name; undefined where there is none. */
export function kept<W extends TrainedWeights = TrainedWeights>(name: string): Promise<KeptModel<W> | undefined> {
  return use("readonly", (store) => store.get(name) as IDBRequest<KeptModel<W> | undefined>);
}

/** Removes the model that is kept under a name. */
export async function forget(name: string): Promise<void> {
  await use("readwrite", (store) => store.delete(name));
}
