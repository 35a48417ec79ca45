// A tracking server of the tests' own: it keeps what it is told as MLflow's database does, and misbehaves when asked to.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One value of a metric, as it was sent. */
export interface Logged {
  readonly key: string;
  readonly value: number;
  readonly step: number;
  readonly timestamp: number;
}

/** What a server does with a call in place of answering it; undefined: it answers. `lost`: it obeys, and its answer is lost. */
export type Fault = { status: number; body?: string; location?: string } | "drops" | "hangs" | "lost" | undefined;

/** Fields of the bodies that it is sent, each call its own. */
interface Body {
  readonly run_id?: string;
  readonly status?: string;
  readonly filter?: string;
  readonly source?: string;
  readonly params?: readonly { readonly key: string; readonly value: string }[];
  readonly metrics?: readonly Logged[];
  readonly tags?: readonly { readonly key: string; readonly value: string }[];
}

/** A server on a loopback port. */
export class SmallMlflow {
  /** Calls in order, as `POST runs/create`. */
  readonly calls: string[] = [];
  /** Bodies of batches. */
  readonly batches: Required<Pick<Body, "params" | "metrics" | "tags">>[] = [];
  /** By the identity that the database has of a metric's value. */
  readonly metrics = new Map<string, Logged>();
  readonly params = new Map<string, string>();
  readonly artifacts = new Map<string, Buffer>();
  readonly runs: { id: string; tag: string; status: string }[] = [];
  readonly versions: { tag: string; source: string }[] = [];
  authorization: string | undefined;
  /** Asked at each call. */
  fault: (call: string) => Fault = () => undefined;
  artifactRoot = "mlflow-artifacts:/1/";
  private server: Server | undefined;
  private port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** Listens: always on the port that it had first. */
  async start(): Promise<void> {
    this.server = createServer((request, response) => void this.take(request, response));
    await new Promise<void>((resolve) => this.server!.listen(this.port, "127.0.0.1", resolve));
    this.port = (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    server?.closeAllConnections();
    await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const body = Buffer.concat(parts);
    const [path] = request.url!.split("?");
    const call = `${request.method} ${path!.replace(/^\/api\/2\.0\/mlflow(-artifacts)?\//, "")}`;
    this.calls.push(call);
    this.authorization = request.headers.authorization;
    const fault = this.fault(call);
    if (fault === "drops") {
      request.socket.destroy();
      return;
    }
    if (fault === "hangs") return;
    if (typeof fault === "object") {
      response.writeHead(fault.status, fault.location ? { location: fault.location } : {}).end(fault.body ?? "");
      return;
    }
    const answer = call.startsWith("PUT artifacts/")
      ? this.keep(call.slice("PUT artifacts/".length), body)
      : this.answer(call, body.length > 0 ? JSON.parse(body.toString()) : {});
    if (fault === "lost") request.socket.destroy();
    else
      response.writeHead(answer ? 200 : 404).end(JSON.stringify(answer ?? { error_code: "RESOURCE_DOES_NOT_EXIST" }));
  }

  private keep(path: string, body: Buffer): object {
    this.artifacts.set(path, body);
    return {};
  }

  private answer(call: string, body: Body): object | undefined {
    const infoOf = (id: string) => ({ info: { run_id: id, artifact_uri: `${this.artifactRoot}${id}/artifacts` } });
    switch (call) {
      case "GET experiments/get-by-name":
        return this.runs.length > 0 ? { experiment: { experiment_id: "1" } } : undefined;
      case "POST experiments/create":
        return { experiment_id: "1" };
      case "POST runs/create": {
        const id = `run${this.runs.length}`;
        this.runs.push({ id, tag: body.tags![0]!.value, status: "RUNNING" });
        return { run: infoOf(id) };
      }
      case "POST runs/search":
        return {
          runs: this.runs
            .filter(({ tag }) => body.filter === `tags."genclass.run" = '${tag}'`)
            .map(({ id }) => infoOf(id)),
        };
      case "POST runs/log-batch": {
        const { params = [], metrics = [], tags = [] } = body;
        this.batches.push({ params, metrics, tags });
        for (const { key, value } of params) this.params.set(key, value);
        for (const one of metrics) this.metrics.set(JSON.stringify([one.key, one.timestamp, one.step, one.value]), one);
        return {};
      }
      case "POST runs/update":
        this.runs.find(({ id }) => id === body.run_id)!.status = body.status!;
        return {};
      case "POST registered-models/create":
        return {};
      case "GET model-versions/search":
        return {
          model_versions: this.versions.map(({ tag }) => ({ tags: [{ key: "genclass.sha256", value: tag }] })),
        };
      case "POST model-versions/create":
        this.versions.push({ tag: body.tags![0]!.value, source: body.source! });
        return {};
      default:
        return undefined;
    }
  }
}
