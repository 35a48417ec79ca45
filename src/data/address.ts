// The address of a server that files are fetched from, as a person gives it: `fetch` takes no name and password in addresses.

/** An address, and what is sent to its server with each request. */
export interface ServerAddress {
  /** Without name, password and a slash at its end. */
  readonly url: string;
  /** For people: nothing of it is secret. */
  readonly host: string;
  /** Scheme, host and port: whom the headers are for. */
  readonly origin: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The address that a text is; undefined where that is none of http or https. */
export function serverAddress(text: string): ServerAddress | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) return undefined;
  const { username, password, host, origin } = url;
  const secret = Buffer.from(`${decoded(username)}:${decoded(password)}`).toString("base64");
  [url.username, url.password] = ["", ""];
  return {
    url: url.href.replace(/\/$/, ""),
    host,
    origin,
    headers: username || password ? { authorization: `Basic ${secret}` } : {},
  };
}

/** Text of an address as it was meant: where a `%` begins no escape, it stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
