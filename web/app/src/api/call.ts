/**
 * call asks the server for an operation of its interface. Which there are, what
 * they take and what they answer is what schema.d.ts says, which `go tool task gen`
 * makes out of the interface's description: a path, a field or an answer that
 * is not in it does not compile.
 */
import { send, type Request } from "./http.ts";
import type { paths } from "./schema.d.ts";

const root = "/api/v1";

type Paths = { [P in keyof paths as P extends `/api/v1${infer Rest}` ? Rest : never]: paths[P] };
type Of<M extends "get" | "post" | "put" | "delete"> = { [P in keyof Paths as Paths[P][M] extends { responses: unknown } ? P : never]: Paths[P][M] };
interface Operations {
  GET: Of<"get">;
  POST: Of<"post">;
  PUT: Of<"put">;
  DELETE: Of<"delete">;
}
type Method = keyof Operations;

type Json<T> = T extends { content: { "application/json": infer Content } } ? Content : never;
type OrVoid<T> = [T] extends [never] ? void : T;
type Parameters<O> = O extends { parameters: infer All } ? { [K in keyof All as K extends "path" | "query" ? K : never]: All[K] } : never;
/** Bodies are only read here. */
type Read<T> = T extends (infer E)[] ? readonly Read<E>[] : T extends object ? { readonly [K in keyof T]: Read<T[K]> } : T;
/** What takes no body, or one without a field that has to be there, may do without: then it sends an empty object, as the server wants JSON. */
type Body<O> = O extends { requestBody: infer B } ? ({} extends Json<B> ? { body?: Read<Json<B>> } : { body: Read<Json<B>> }) : { body?: never };
type Given<O> = Parameters<O> & Body<O> & Omit<Request, "method" | "body">;

type Answered<M extends Method, P extends keyof Operations[M]> = Operations[M][P] extends { responses: infer R } ? OrVoid<Json<R[keyof R & (200 | 201 | 202)]>> : never;
interface Loose extends Request {
  path?: Record<string, string>;
  query?: Record<string, string | number | boolean | undefined>;
}

/** call throws a Problem where the operation did not succeed; what else is given goes to [send]. Fields of `query` that are undefined are left out. */
export function call<M extends Method, P extends keyof Operations[M] & string>(method: M, path: P, ...[given]: {} extends Given<Operations[M][P]> ? [Given<Operations[M][P]>?] : [Given<Operations[M][P]>]): Promise<Answered<M, P>> {
  const { path: parts, query, ...request } = (given ?? {}) as Loose;
  return send(address(path, parts, query), { body: method === "POST" || method === "PUT" ? {} : undefined, ...request, method });
}

/** addressOf is where an operation is found, for what no call reads: a file, a stream. */
export function addressOf<P extends keyof Operations["GET"] & string>(path: P, ...[given]: {} extends Parameters<Operations["GET"][P]> ? [Parameters<Operations["GET"][P]>?] : [Parameters<Operations["GET"][P]>]): string {
  const { path: parts, query } = (given ?? {}) as Loose;
  return address(path, parts, query);
}

function address(path: string, parts: Loose["path"] = {}, query: Loose["query"] = {}): string {
  const asked = Object.entries(query).filter(([, value]) => value !== undefined) as [string, string][];
  const search = new URLSearchParams(asked).toString();
  return root + path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(parts[name] ?? "")) + (search ? `?${search}` : "");
}
