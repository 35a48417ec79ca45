// An MLflow tracking server over its REST API (version 2.0): where it is, who asks, and single calls with limits. What it answers is
// not trusted: bodies have a size limit, redirects are not followed, and nothing of an answer but what is expected is used.
import { z } from "zod";
import { fail } from "../../../base/errors.ts";

/** Where a server is when nothing says so: MLflow's own default. */
const DEFAULT_URI = "http://127.0.0.1:5000";
/** Milliseconds that a call may take, and one that sends a file. */
const TIMES = { call: 10_000, file: 300_000 };
/** Bytes of an answer that are read. */
const MOST_BYTES = 2 ** 20;
/** Characters of a server's message that are passed on. */
const MOST_TOLD = 200;
/** Statuses that may be others a moment later. */
const PASSING = new Set([408, 425, 429]);

/** Variables of the environment that MLflow's own clients read. */
export type MlflowEnvironment = Readonly<Record<string, string | undefined>>;

/** The value of `--track` as text: a tracker, and where its server is. */
const WORD = /^mlflow(?:=(.+))?$/;

/** The address of a server that can be asked: http or https, without user, password, query or fragment. */
function serverUrl(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (!["http:", "https:"].includes(url.protocol) || url.username || url.password || url.search || url.hash)
    return undefined;
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

/** Whether text is a value of `--track`. */
export function isTracking(text: string): boolean {
  const [found, uri] = WORD.exec(text) ?? [];
  return found !== undefined && (uri === undefined || serverUrl(uri) !== undefined);
}

/**
 * The address that a value of `--track` stands for: its own, else that of `MLFLOW_TRACKING_URI`, else the last one, else MLflow's default.
 * @param last where the run has been tracked before
 * @throws `E_OPTION` for a variable that is no address of a server
 */
export function trackingServer(word: string, environment: MlflowEnvironment, last?: string): URL {
  const given = WORD.exec(word)?.[1];
  if (given !== undefined) return serverUrl(given)!;
  const { MLFLOW_TRACKING_URI: variable } = environment;
  const url = serverUrl(variable || last || DEFAULT_URI);
  if (!url)
    fail(
      "E_OPTION",
      "--track mlflow: MLFLOW_TRACKING_URI is not the address of a tracking server; expected http:// or https:// without user, password and query (those are in MLFLOW_TRACKING_USERNAME, _PASSWORD or _TOKEN). Start one with: mlflow server",
    );
  return url;
}

/** Why a call failed. Its message holds nothing of what was sent. */
export class MlflowError extends Error {
  /**
   * @param isFinal whether the same call would fail again
   * @param code MLflow's own code, where it gave one
   */
  constructor(
    message: string,
    readonly isFinal: boolean,
    readonly code?: string,
  ) {
    super(message);
    this.name = "MlflowError";
  }
}

/** Whether a call failed with a code of MLflow's own. */
export const isCode = (cause: unknown, code: string): boolean => cause instanceof MlflowError && cause.code === code;

/** An answer of which nothing is used. */
export const anything = z.unknown();

const refusalSchema = z.object({ error_code: z.string().optional(), message: z.string().optional() });

/** A server and the right to ask it. */
export class MlflowServer {
  private readonly authorization: string | undefined;

  constructor(
    readonly url: URL,
    environment: MlflowEnvironment,
    private readonly times = TIMES,
  ) {
    const {
      MLFLOW_TRACKING_TOKEN: token,
      MLFLOW_TRACKING_USERNAME: user,
      MLFLOW_TRACKING_PASSWORD: password,
    } = environment;
    if (user) this.authorization = `Basic ${Buffer.from(`${user}:${password ?? ""}`).toString("base64")}`;
    else if (token) this.authorization = `Bearer ${token}`;
  }

  /** Asks with GET. @param path below `api/2.0/mlflow/` @throws `MlflowError` */
  get<T>(path: string, query: Readonly<Record<string, string>>, schema: z.ZodType<T>): Promise<T> {
    return this.call("GET", `${path}?${new URLSearchParams(query)}`, undefined, schema);
  }

  /** Sends JSON with POST. @throws `MlflowError` */
  post<T>(path: string, body: unknown, schema: z.ZodType<T>): Promise<T> {
    return this.call("POST", path, body, schema);
  }

  private async call<T>(method: string, path: string, body: unknown, schema: z.ZodType<T>): Promise<T> {
    const text = await this.send(method, `api/2.0/mlflow/${path}`, {
      body: body === undefined ? undefined : JSON.stringify(body),
      type: "application/json",
      time: this.times.call,
    });
    const found = schema.safeParse(json(text));
    if (!found.success) throw new MlflowError(`its answer to ${path.split("?")[0]} is not that of MLflow`, false);
    return found.data;
  }

  /** Keeps a file with the artifacts that the server stores itself. @param path segments, none of them `..` @throws `MlflowError` */
  async putArtifact(path: readonly string[], bytes: Uint8Array): Promise<void> {
    const place = path.map(encodeURIComponent).join("/");
    await this.send("PUT", `api/2.0/mlflow-artifacts/artifacts/${place}`, {
      body: bytes,
      type: "application/octet-stream",
      time: this.times.file,
    });
  }

  private async send(
    method: string,
    path: string,
    { body, type, time }: { body: string | Uint8Array | undefined; type: string; time: number },
  ): Promise<string> {
    let status: number;
    let text: string;
    try {
      const response = await fetch(new URL(path, this.url), {
        method,
        // A copy: fetch takes no view of a shared buffer.
        body: typeof body === "string" || body === undefined ? body : new Uint8Array(body),
        headers: {
          ...(body === undefined ? {} : { "content-type": type }),
          ...(this.authorization ? { authorization: this.authorization } : {}),
        },
        redirect: "manual",
        signal: AbortSignal.timeout(time),
      });
      status = response.status;
      text = await limitedText(response);
    } catch (cause) {
      if (cause instanceof MlflowError) throw cause;
      throw new MlflowError(reasonOf(cause, time), false);
    }
    if (status >= 200 && status < 300) return text;
    if (status >= 300 && status < 400) throw new MlflowError("it redirects to another address; give that one", true);
    const { error_code: code, message = "" } = refusalSchema.catch({}).parse(json(text));
    const told = message.replace(/\s+/g, " ").slice(0, MOST_TOLD);
    const isFinal = status < 500 && !PASSING.has(status);
    throw new MlflowError(
      `it answers ${status}${code ? ` ${code.slice(0, 60)}` : ""}${told ? `: ${told}` : ""}`,
      isFinal,
      code,
    );
  }
}

async function limitedText(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  if (response.body)
    for await (const part of response.body) {
      parts.push(part);
      length += part.length;
      if (length > MOST_BYTES) throw new MlflowError(`its answer is longer than ${MOST_BYTES} bytes`, false);
    }
  return Buffer.concat(parts).toString();
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function reasonOf(cause: unknown, time: number): string {
  const { name, message, cause: deeper } = cause as Error;
  if (name === "TimeoutError") return `it does not answer within ${time / 1000} seconds`;
  // fetch says only that it failed; what failed is its cause.
  const { code } = (deeper ?? {}) as { code?: string };
  return code === "ECONNREFUSED" ? "nothing listens there" : `it cannot be reached (${code ?? message})`;
}
