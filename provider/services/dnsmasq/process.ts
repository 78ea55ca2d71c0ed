import { createSocket } from "node:dgram";
import { access, constants } from "node:fs/promises";
import { type Context, LimitReached, within } from "../../kernel/context.ts";
import { processErrors, type Service, serve } from "../../kernel/process.ts";
import { type DnsmasqSettings, dnsmasqArgs } from "./args.ts";
import { dhcpErrors } from "./errors.ts";

/** A dnsmasq that serves. */
export interface Running {
  readonly service: Service;
  /** Its last words, for the report of its death. */
  readonly last: () => string;
}

/** Start dnsmasq and wait until its sockets are bound. DHCP_PORT_TAKEN, DHCP_NEEDS_PRIVILEGE and others say why not. */
export async function launch(
  ctx: Context,
  settings: DnsmasqSettings,
  { ulaPrefix, hear }: { ulaPrefix: string | undefined; hear: (line: string) => void },
): Promise<Running> {
  await refuseTaken(settings);
  const program = await findProgram();
  const tail: string[] = [];
  let bound = () => {};
  const ready = new Promise<"ready">((resolve) => {
    bound = () => resolve("ready");
  });
  const service = serve(program, dnsmasqArgs(settings, ulaPrefix, process.getuid?.() === 0), {
    // Its words are read: they must not be translated.
    env: { LC_ALL: "C" },
    onLine(line) {
      if (tail.push(line) > 5) tail.shift();
      // The first line that it writes after binding and reading its options.
      if (/^dnsmasq-tftp: TFTP root is /.test(line)) bound();
      hear(line);
    },
  });
  const last = () => lastWords(tail);
  try {
    const first = await within(ctx, "10 seconds", ({ signal }) => {
      const cut = new Promise<never>((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
      return Promise.race([ready, service.ended, cut]);
    });
    if (first === "ready") return { service, last };
    throw whyNot(settings, first.code, last());
  } catch (error) {
    await service.stop();
    if (error instanceof LimitReached) throw whyNot(settings, undefined, "it is silent for 10 seconds");
    throw error;
  }
}

/**
 * dnsmasq shares its ports (SO_REUSEPORT) with another one that does: both would start, each would get some of the
 * questions. A socket that does not share tells; of TFTP's, as port 67 is bound per interface by others too.
 */
async function refuseTaken({ interface: name, address }: DnsmasqSettings): Promise<void> {
  const socket = createSocket("udp4");
  const error = await new Promise<Error | undefined>((resolve) => {
    socket.once("error", resolve);
    socket.bind(69, address, () => resolve(undefined));
  });
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  // Any other refusal is dnsmasq's own to tell.
  if (error && "code" in error && error.code === "EADDRINUSE") {
    const blanks = { interface: name, port: "port 69 (TFTP)", reason: error.message };
    throw dhcpErrors.make("DHCP_PORT_TAKEN", blanks, { cause: error });
  }
}

// Debian keeps it where PATH of a plain user does not look.
async function findProgram(): Promise<string> {
  for (const path of ["/usr/sbin/dnsmasq", "/usr/local/sbin/dnsmasq"]) {
    const there = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (there) return path;
  }
  return "dnsmasq";
}

function lastWords(tail: readonly string[]): string {
  const words = tail.filter((line) => line !== "").at(-1) ?? "it said nothing";
  return words.replace(/^dnsmasq(-\w+)?(\[\d+\])?: /, "").slice(0, 300);
}

function whyNot({ interface: name }: DnsmasqSettings, code: number | undefined, reason: string): Error {
  if (code === 127) return processErrors.make("PROGRAM_MISSING", { program: "dnsmasq" });
  if (/Address already in use/.test(reason)) {
    const port = /DHCP server socket/.test(reason) ? "port 67 (DHCP)" : "port 69 (TFTP)";
    return dhcpErrors.make("DHCP_PORT_TAKEN", { interface: name, port, reason });
  }
  return dhcpErrors.make("DHCP_CANNOT_START", { interface: name, reason });
}
