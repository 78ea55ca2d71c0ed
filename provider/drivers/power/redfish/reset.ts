/** The kinds of reset (ComputerSystem.ResetType, DSP2046) by which a server is switched, the best first. */
const kinds = {
  on: ["On", "ForceOn"],
  off: ["ForceOff"],
  "soft off": ["GracefulShutdown"],
} as const;

/** Which kind to ask for; undefined where the controller takes none of them. `allowed` undefined: it does not say. */
export function resetFor(to: keyof typeof kinds, allowed: readonly string[] | undefined): string | undefined {
  if (allowed === undefined || allowed.length === 0) return kinds[to][0];
  const [own, button] = [kinds[to].find((kind) => allowed.includes(kind)), "PushPowerButton"];
  // The button of a server that is off switches it on, and asks one that is on to shut down. It never cuts the power.
  return own ?? (to !== "off" && allowed.includes(button) ? button : undefined);
}
