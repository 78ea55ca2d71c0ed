/** What we use of net-snmp, which is written without types. */
declare module "net-snmp" {
  interface Varbind {
    readonly oid: string;
    readonly type: number;
    readonly value: unknown;
  }
  type Done = (error: Error | null, varbinds?: readonly Varbind[]) => void;

  interface Options {
    readonly port: number;
    readonly transport: "udp4" | "udp6";
    readonly version: number;
    /** Milliseconds. */
    readonly timeout: number;
    readonly retries: number;
    readonly context?: string;
    readonly reportOidMismatchErrors: boolean;
    /** Where its socket comes from; `node:dgram` otherwise. */
    readonly dgramModule?: { readonly createSocket: (type: "udp4" | "udp6") => unknown };
  }
  interface User {
    readonly name: string;
    readonly level: number;
    readonly authProtocol?: number;
    readonly authKey?: string;
    readonly privProtocol?: number;
    readonly privKey?: string;
  }
  interface Session {
    get(oids: readonly string[], done: Done): void;
    set(varbinds: readonly Varbind[], done: Done): void;
    on(event: "error", listener: (error: Error) => void): void;
    close(): void;
  }
  interface Snmp {
    createSession(address: string, community: string, options: Options): Session;
    createV3Session(address: string, user: User, options: Options): Session;
    isVarbindError(varbind: Varbind): boolean;
    readonly Version1: number;
    readonly Version2c: number;
    readonly Version3: number;
    readonly ObjectType: { readonly Integer: number };
    readonly SecurityLevel: {
      readonly noAuthNoPriv: number;
      readonly authNoPriv: number;
      readonly authPriv: number;
    };
    readonly AuthProtocols: Readonly<Record<string, number>>;
    readonly PrivProtocols: Readonly<Record<string, number>>;
  }
  const snmp: Snmp;
  export default snmp;
  export type { Done, Session, Snmp, Varbind };
}
