// What the page says of states, times and sizes.
import { element, glyph } from "./dom.js";

/** @typedef {import("./api.js").Thing} Thing */
/** @typedef {import("./api.js").Progress} Progress */
/** @typedef {"good" | "busy" | "bad" | "calm"} Mood */

const shapes = {
  good: "M3 8.5l3.2 3.2L13 4.8",
  busy: "M8 2a6 6 0 1 1-6 6",
  bad: "M8 3v6M8 12.2v.3",
  calm: "M4 8h8",
};

/**
 * @param {string} state
 * @returns {Mood}
 */
export function moodOf(state) {
  if (state === "error" || state.endsWith("failed")) return "bad";
  if (state === "active") return "good";
  if (/ing$|wait/.test(state)) return "busy";
  return "calm";
}

/**
 * A state as a word and a shape: nobody has to see its colour.
 * @param {string} state
 */
export const badge = (state) =>
  element("span", { class: `badge ${moodOf(state)}` }, glyph(shapes[moodOf(state)]), state || "unknown");

/**
 * @param {Thing} thing
 * @param {string} name
 */
export function textOf(thing, name) {
  const value = thing[name];
  return value === undefined || value === null ? "" : String(value);
}

/** @param {Progress} progress */
export function wordsOf({ stage, percent, rate, left, note }) {
  const parts = [
    percent === undefined ? stage : `${stage} ${Math.floor(percent)} %`,
    rate === undefined ? "" : `${bytes(rate)}/s`,
    left === undefined ? "" : `${duration(left)} left`,
    note ?? "",
  ];
  return parts.filter(Boolean).join(" · ");
}

/** @param {number} count */
export function bytes(count) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = count < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(count) / 3));
  const value = count / 1000 ** power;
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 9.95) return `${Number(seconds.toFixed(1))} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/**
 * A time of day here, with its date where that is not today.
 * @param {string} iso
 */
export function clock(iso) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const today = at.toDateString() === new Date().toDateString();
  return today ? at.toLocaleTimeString() : at.toLocaleString();
}

/**
 * An error as it is told, apart: what happened, what to do, its code, and what the server said.
 * @param {string} text
 */
export function faultOf(text) {
  const [head = "", ...rest] = text.split("\nThe last lines of its console log:\n");
  const code = /\[([A-Z_]+)\]\s*$/.exec(head)?.[1] ?? "";
  const words = head.replace(/\s*\[[A-Z_]+\]\s*$/, "");
  const what = /^.*?\.(?=\s|$)/s.exec(words)?.[0] ?? words;
  return { what, remedy: words.slice(what.length).trim(), code, said: rest.join("\n") };
}
