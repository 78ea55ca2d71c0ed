import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { PeerFault } from "../peer.ts";
import { createBooting } from "./booting.ts";
import { account, facts, type Kind, mac, type Reply, refusal, root } from "./kind.ts";
import { createShelf } from "./shelf.ts";

const sessionPlace = `${root}/SessionService/Sessions`;

/** A controller of our own: what the emulators cannot show, and each fault. It listens on loopback alone. */
export async function startMachine(tls: { cert: string; key: string }, kind: Kind = {}) {
  const { most = 8, says = "action", systems = ["1"], chassis } = kind;
  const { mac: card = mac, ...told } = kind.tells ?? {};
  const resets = kind.resets ?? ["On", "ForceOff", "GracefulShutdown", "ForceRestart", "PushPowerButton"];
  let [power, fault, logins, looksLeft]: [string, PeerFault, number, number] = ["Off", "none", 0, 0];
  const booting = createBooting(kind);
  const shelf = createShelf(kind.media, chassis?.show);
  const sessions = new Map<string, string>();
  const orders: { at: number; order: "look" | "on" | "off" | "soft" | "boot" }[] = [];
  const requests: string[] = [];
  const note = (order: (typeof orders)[number]["order"]) => orders.push({ at: Date.now(), order });

  async function turn(to: "On" | "Off"): Promise<void> {
    power = to;
    booting.changed();
    const spent = to === "On" && booting.start();
    await chassis?.turn(to, spent);
  }
  const effect = async (to: "On" | "Off") => {
    if (fault === "lies") return;
    if (fault === "slow") setTimeout(() => void turn(to), 1_000).unref();
    else await turn(to);
  };

  const system = (id: string): Reply => [
    200,
    {
      ...{ "@odata.id": `${root}/Systems/${id}`, Id: id, Name: `system ${id}`, PowerState: power },
      ...{ ...facts, ...told },
      ...(kind.maker === undefined ? {} : { Manufacturer: kind.maker }),
      ...(kind.staged === undefined
        ? {}
        : { "@Redfish.Settings": { SettingsObject: { "@odata.id": `${root}/Systems/${id}/SD` } } }),
      ...{
        Boot: booting.own,
        EthernetInterfaces: { "@odata.id": `${root}/Systems/${id}/EthernetInterfaces` },
      },
      ...(shelf.under === "Managers/BMC"
        ? { Links: { ManagedBy: [{ "@odata.id": `${root}/Managers/BMC` }] } }
        : { VirtualMedia: { "@odata.id": `${root}/Systems/${id}/VirtualMedia` } }),
      Actions: {
        "#ComputerSystem.Reset": {
          target: `${root}/Systems/${id}/Actions/ComputerSystem.Reset`,
          ...(says === "action" ? { "ResetType@Redfish.AllowableValues": resets } : {}),
          ...(says === "info" ? { "@Redfish.ActionInfo": `${root}/Systems/${id}/ResetActionInfo` } : {}),
        },
      },
    },
    { etag: booting.etag() },
  ];
  async function reset(type: unknown): Promise<Reply> {
    if (typeof type !== "string" || !resets.includes(type)) {
      return refusal(
        400,
        "Base.1.8.ActionParameterNotSupported",
        `The parameter ResetType ${type} is not supported.`,
      );
    }
    const soft = type === "GracefulShutdown" || (type === "PushPowerButton" && power === "On");
    const to = soft || type === "ForceOff" ? "Off" : "On";
    note(soft ? "soft" : to === "On" ? "on" : "off");
    if ((power === to || (soft && power === "Off")) && fault === "none") {
      return refusal(409, "iDRAC.2.8.PSU501", "Server is already powered as requested.");
    }
    if (!(soft && fault === "deaf")) await effect(to);
    if (kind.taskLooks === undefined) return [204];
    looksLeft = kind.taskLooks;
    return [202, { TaskState: "Running" }, { location: `${root}/TaskService/TaskMonitors/7` }];
  }

  async function patch(
    { headers }: IncomingMessage,
    rest: string,
    change: Record<string, unknown>,
  ): Promise<Reply> {
    const seen = booting.patches.length;
    const answer = booting.patch(
      headers,
      rest === "/SD" ? "settings" : "system",
      change["Boot"] as Record<string, unknown> | undefined,
    );
    if (booting.patches.length === seen) return answer;
    note("boot");
    await chassis?.aim(booting.target());
    return answer;
  }

  function logIn({ UserName, Password }: Record<string, unknown>): Reply {
    logins += 1;
    if (UserName !== account.user || Password !== account.password) {
      return refusal(401, "Base.1.8.NoValidSession", "There is no valid session.");
    }
    if (sessions.size >= most) return refusal(503, "Base.1.8.SessionLimitExceeded", "No more sessions.");
    const [token, place] = [randomBytes(9).toString("hex"), `${sessionPlace}/${logins}`];
    sessions.set(token, place);
    return [201, { "@odata.id": place }, { "x-auth-token": token, location: place }];
  }

  function allowed({ headers }: IncomingMessage): boolean {
    if (sessions.has(String(headers["x-auth-token"]))) return true;
    if (headers.authorization === undefined) return false;
    const good = `Basic ${Buffer.from(`${account.user}:${account.password}`).toString("base64")}`;
    if (kind.sessionless) logins += headers.authorization === good ? 0 : 1;
    return headers.authorization === good;
  }

  async function reply(request: IncomingMessage): Promise<Reply> {
    const { method = "", url = "" } = request;
    requests.push(`${method} ${url}`);
    const said = await text(request);
    const body = (said === "" ? {} : JSON.parse(said)) as Record<string, unknown>;
    if (url === `${root}/`) {
      const links = kind.sessionless ? {} : { Links: { Sessions: { "@odata.id": sessionPlace } } };
      return [200, { RedfishVersion: "1.15.0", Vendor: facts.Manufacturer, ...links }];
    }
    if (url === sessionPlace && kind.sessionless !== "refuses") return kind.sessionless ? [404] : logIn(body);
    if (!allowed(request)) return refusal(401, "Base.1.8.NoValidSession", "There is no valid session.");
    if (method === "DELETE") {
      const token = [...sessions].find(([, place]) => place === url)?.[0] ?? "";
      return [sessions.delete(token) ? 204 : 404];
    }
    if (chassis) power = (await chassis.isOn()) ? "On" : "Off";
    if (fault === "busy") return refusal(503, "Base.1.8.ServiceTemporarilyUnavailable", "Retry in 1 second.");
    if (url === `${root}/TaskService/TaskMonitors/7`) {
      looksLeft -= 1;
      return looksLeft > 0 ? [202, { TaskState: "Running" }] : [200, { TaskState: "Completed" }];
    }
    if (url === `${root}/Systems`) {
      return [200, { Members: systems.map((id) => ({ "@odata.id": `${root}/Systems/${id}` })) }];
    }
    const seen = url.includes("/VirtualMedia") || url.startsWith(`${root}/Managers`);
    if (seen) return (await shelf.answer(method, url, body)) ?? [404];
    const [, id = "", rest = ""] = /^\/redfish\/v1\/Systems\/([^/]+)(.*)$/.exec(url) ?? [];
    if (!systems.includes(id))
      return refusal(404, "Base.1.8.ResourceMissingAtURI", `There is nothing at ${url}.`);
    if (method === "PATCH") return patch(request, rest, body);
    if (method === "POST") return reset(body["ResetType"]);
    if (rest === "/EthernetInterfaces") return [200, { Members: [{ "@odata.id": `${url}/1` }] }];
    if (rest === "/EthernetInterfaces/1") return [200, { MACAddress: card }];
    if (rest === "/ResetActionInfo")
      return [200, { Parameters: [{ Name: "ResetType", AllowableValues: resets }] }];
    if (rest === "/SD") return [200, { Boot: booting.settings }, { etag: booting.etag() }];
    note("look");
    return fault === "garbles" ? [200, "<html>500</html>"] : system(id);
  }

  const held = new Set<ServerResponse>();
  const used = new WeakSet<object>();
  const server = createServer(tls, async (request, response) => {
    if (fault === "hangs") return void held.add(response);
    if (kind.dropsKept && used.has(request.socket)) return void request.socket.destroy();
    used.add(request.socket);
    const [status, body = "", headers = {}] = await reply(request);
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    ...{ port: (server.address() as AddressInfo).port, orders, requests },
    ...{ patches: booting.patches, boot: booting.own, media: shelf },
    logins: () => logins,
    sessions: () => sessions.size,
    expire: () => sessions.clear(),
    fault(next: PeerFault) {
      fault = next;
      for (const response of held) response.destroy();
      held.clear();
    },
    power: () => power,
    show(state: string) {
      power = state;
    },
    turn,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
export type Machine = Awaited<ReturnType<typeof startMachine>>;
