/**
 * The objects by which PDUs switch and tell an outlet; `{outlet}` is where its number goes. Taken from the vendors' MIBs, and from
 * who used them: Ironic's driver `snmp` (removed in 2026), Network UPS Tools (NUT), ClusterLabs' fence agents.
 */
export interface Outlets {
  readonly on: Order;
  readonly off: Order;
  readonly state: string;
  readonly isOn: readonly number[];
  readonly isOff: readonly number[];
  /** What passes by itself: it is asked again. */
  readonly passes?: readonly number[];
  /** What stands before the number of an outlet that is named by one number alone: the first unit, tower, branch. */
  readonly before?: string;
}

/** What is written where. */
export interface Order {
  readonly oid: string;
  readonly value: number;
}

const oid = (suffix: string) => `1.3.6.1.4.1.${suffix}.{outlet}`;
const orders = (control: string, on: number, off: number) => ({
  on: { oid: control, value: on },
  off: { oid: control, value: off },
});
/** Where the object that is written tells the state, too. */
const one = (control: string, on: number, off: number) => ({
  ...{ ...orders(control, on, off), state: control, isOn: [on], isOff: [off] },
});

export const models = {
  // PowerNet-MIB: rPDUOutletControlOutletCommand, rPDUOutletStatusOutletState; AP79xx.
  "apc-rpdu": {
    ...orders(oid("318.1.1.12.3.3.1.1.4"), 1, 2),
    ...{ state: oid("318.1.1.12.3.5.1.1.4"), isOn: [1], isOff: [2] },
  },
  // PowerNet-MIB: rPDU2OutletSwitchedControlCommand, rPDU2OutletSwitchedStatusState, where 1 is off; AP86xx, AP89xx.
  "apc-rpdu2": {
    ...orders(oid("318.1.1.26.9.2.4.1.5"), 1, 2),
    ...{ state: oid("318.1.1.26.9.2.3.1.5"), isOn: [2], isOff: [1] },
  },
  // PowerNet-MIB: sPDUOutletCtl; Ironic.
  "apc-masterswitch": one(oid("318.1.1.4.4.2.1.3"), 1, 2),
  // PowerNet-MIB: sPDUOutletControlMSPOutletCommand, sPDUOutletStatusMSPOutletState; Ironic, which read the former.
  "apc-masterswitch-plus": {
    ...orders(oid("318.1.1.6.5.1.1.5"), 1, 3),
    ...{ state: oid("318.1.1.6.7.1.1.5"), isOn: [1], isOff: [2] },
  },
  // ATEN-PE-CFG; Ironic.
  aten: one("1.3.6.1.4.1.21317.1.3.2.2.2.2.{outlet}.0", 2, 1),
  // Baytech-MIB-403: the outlets of the first RPC module; Ironic (`baytech_mrp27`), NUT.
  baytech: { ...one(oid("4779.1.3.5.3.1.3"), 1, 0), before: "1" },
  // CPS-MIB: ePDUOutletControlOutletCommand, ePDUOutletStatusOutletState; Ironic, which read the former.
  cyberpower: {
    ...orders(oid("3808.1.1.3.3.3.1.1.4"), 1, 2),
    ...{ state: oid("3808.1.1.3.3.5.1.1.4"), isOn: [1], isOff: [2] },
  },
  // EATON-EPDU-MIB: outletControlOffCmd and OnCmd take seconds to wait, by unit and outlet; NUT. Ironic had the two exchanged, and no
  // unit. A pending outlet is still what it was.
  eaton: {
    on: { oid: oid("534.6.6.7.6.6.1.4"), value: 0 },
    off: { oid: oid("534.6.6.7.6.6.1.3"), value: 0 },
    ...{ state: oid("534.6.6.7.6.6.1.2"), isOn: [1, 2], isOff: [0, 3], before: "0" },
  },
  // PDU2-MIB: switchingOperation, outletSwitchingState by PDU and outlet; PX2, PX3; NUT.
  raritan: {
    ...orders(oid("13742.6.4.1.2.1.2"), 1, 0),
    ...{ state: oid("13742.6.4.1.2.1.3"), isOn: [7], isOff: [8], before: "1" },
  },
  // Sentry3-MIB: outletControlAction, outletStatus by tower, infeed and outlet; what it is while offWait, onWait, noComm or reading the
  // MIB does not say.
  "servertech-sentry3": {
    ...orders(oid("1718.3.2.3.1.11"), 1, 2),
    ...{ state: oid("1718.3.2.3.1.5"), isOn: [1], isOff: [0], passes: [2, 3, 6, 7], before: "1.1" },
  },
  // Sentry4-MIB: st4OutletControlAction, st4OutletState by unit, input cord and outlet; 0 is unknown.
  "servertech-sentry4": {
    ...orders(oid("1718.4.1.8.5.1.2"), 1, 2),
    ...{ state: oid("1718.4.1.8.3.1.1"), isOn: [1], isOff: [2], before: "1.1" },
  },
  // Ironic.
  teltronix: one(oid("23620.1.2.2.1.4"), 2, 1),
  // ClusterLabs' fence_apc_snmp, tried there on a PDUMH20HVNET.
  tripplite: {
    ...orders(oid("850.10.2.3.5.1.4"), 2, 1),
    ...{ state: oid("850.10.2.3.5.1.2"), isOn: [2], isOff: [1], before: "1" },
  },
} as const satisfies Readonly<Record<string, Outlets>>;

/** An outlet as its MIB counts it: with what stands before its number, where it is named by that alone. */
export const indexOf = (outlet: string, { before }: Pick<Outlets, "before">): string =>
  before !== undefined && /^\d+$/.test(outlet) ? `${before}.${outlet}` : outlet;

/** The object for one outlet. */
export function objectOf(template: string, outlet: string, known: Pick<Outlets, "before">): string {
  const index = indexOf(outlet, known);
  return template.includes("{outlet}") ? template.replace("{outlet}", index) : `${template}.${index}`;
}
