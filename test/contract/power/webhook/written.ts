import { account, token } from "./machine.ts";

export type Settings = Readonly<Record<string, unknown>>;

/** Orders in the path, a login by Basic, plain HTTP. */
export const byPath = (url: string, more: Settings = {}): Settings => {
  const at = (word: string) => ({ url: `${url}/{address}/${word}` });
  return {
    ...{ driver: "webhook", address: "u7", auth: "basic", ...account },
    ...{ on: at("on"), off: at("off"), softOff: at("soft"), setBoot: at("boot") },
    ...{ state: { ...at("state"), path: "[0].ison" }, ...more },
  };
};

/** Orders in a body, a token in a header; by HTTPS it wants the certificate. */
export const byBody = (url: string, more: Settings = {}): Settings => {
  const order = (word: string) => ({ url: `${url}/{address}`, body: `{"order": "${word}"}` });
  const state = { ...order("state"), on: '"ison": ?true', off: '"ison": ?false' };
  return {
    ...{ driver: "webhook", address: "u7", headers: { Authorization: token } },
    ...{ on: order("on"), off: order("off"), softOff: order("soft"), setBoot: order("boot"), state },
    ...more,
  };
};
