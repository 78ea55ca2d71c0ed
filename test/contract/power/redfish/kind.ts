/** A server that is really there. */
export interface Chassis {
  readonly isOn: () => Promise<boolean>;
  /** `spent`: what it was aimed at was for this start alone. */
  readonly turn: (to: "On" | "Off", spent: boolean) => Promise<void>;
  /** What it starts from at its next start, by Redfish's word. */
  readonly aim: (target: string) => Promise<void>;
  /** Have its CD hold the image of an address, or none; throws where nothing can be fetched there. */
  readonly show: (url: string | undefined) => Promise<void>;
}

/** How a controller differs from a plain one. */
export interface Kind {
  /** It has no SessionService, and says so, or refuses whoever asks for it without a login: each request brings that. */
  readonly sessionless?: true | "refuses";
  /** Sessions at once. */
  readonly most?: number;
  /** Properties of Boot that it lacks. */
  readonly lacks?: readonly string[];
  /** Those that it wants changed in its settings object. */
  readonly staged?: readonly string[];
  /** So many changes of what boots are refused, because the server is in POST. */
  readonly inPost?: number;
  /** It refuses "Continuous", though it says that it takes it. */
  readonly onceOnly?: boolean;
  readonly maker?: string;
  /** It closes a connection as soon as something more is asked over it. */
  readonly dropsKept?: boolean;
  /** What resets it takes, and where it says so. */
  readonly resets?: readonly string[];
  readonly says?: "action" | "info" | "nowhere";
  /** A reset is a task, which is over after so many looks. */
  readonly taskLooks?: number;
  /** Its tags are weak, and compared as strong ones. */
  readonly weakTags?: boolean;
  readonly systems?: readonly string[];
  /** What it tells of its server otherwise than `facts` and `mac` do. */
  readonly tells?: Partial<typeof facts> & { readonly mac?: string };
  /** What it switches; without one it pretends. */
  readonly chassis?: Chassis;
  readonly media?: {
    /** Below the root. */
    readonly under?: "Managers/BMC" | "Systems/1";
    readonly devices?: readonly string[];
    readonly by?: "action" | "patch";
    /** Parameters that it wants beside the image. */
    readonly wants?: readonly string[];
    /** Devices that take no image. */
    readonly refuses?: readonly string[];
    /** So many looks tell of an image that was taken out, and none is taken in meanwhile. */
    readonly stale?: number;
    /** It says yes, and does nothing. */
    readonly lies?: boolean;
  };
}

export const account = { user: "admin", password: "Hjq8-wrEx2.Tz" };
export const facts = {
  ...{ SerialNumber: "SN-12345", UUID: "a1234567-89ab-4def-8123-456789abcdef" },
  ...{ Manufacturer: "Lab Works", Model: "M7" },
};
export const mac = "52:54:00:AB:CD:01";
export const root = "/redfish/v1";

export type Reply = [status: number, body?: object | string, headers?: Record<string, string>];

/** A refusal as DSP0266 has it. One who is busy says for how long. */
export const refusal = (status: number, MessageId: string, Message?: string): Reply => [
  status,
  {
    error: {
      code: MessageId,
      message: "See ExtendedInfo",
      "@Message.ExtendedInfo": [{ MessageId, ...(Message === undefined ? {} : { Message }) }],
    },
  },
  status === 503 ? { "retry-after": "1" } : {},
];
