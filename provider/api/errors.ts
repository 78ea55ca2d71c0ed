import { defineErrors } from "../kernel/errors.ts";

export const apiErrors = defineErrors({
  REQUEST_BAD: {
    text: "the request is not right: {faults}",
    remedy:
      "Correct what is named; `/openapi.json` tells what each request takes. A client of another version may know other fields.",
    fault: "input",
  },
  REQUEST_NOT_JSON: {
    text: "the body of the request is no JSON: {reason}",
    remedy: "Send one JSON object, UTF-8, of the length that the request's head tells.",
    fault: "input",
  },
  REQUEST_NOT_HTTP: {
    text: "the request is not understood: {reason}",
    remedy: "Ask by HTTP/1.1, as `/openapi.json` tells; a service is asked by HTTPS.",
    fault: "input",
  },
  REQUEST_TOO_LARGE: {
    text: "the request is larger than {limit}",
    remedy:
      "Nothing was done. Images and other large files are named by their paths or addresses, not sent along.",
    fault: "input",
  },
  REQUEST_TOO_SLOW: {
    text: "the request did not come to its end in time",
    remedy: "Nothing was done. Ask again, and look at the network between here and there.",
    fault: "input",
    retry: true,
  },
  REQUEST_MEDIA_TYPE: {
    text: "the body of the request is of the type {type}, and not application/json",
    remedy: "Send JSON, and say so in the header `content-type`.",
    fault: "input",
  },
  REQUEST_UNKNOWN_PATH: {
    text: "there is nothing at {path}",
    remedy: "`/openapi.json` lists what can be asked; a helper of another version may know other paths.",
    fault: "input",
  },
  REQUEST_METHOD: {
    text: "{path} is asked with {allowed}, not with {method}",
    remedy: "Ask with that; `/openapi.json` lists what can be asked.",
    fault: "input",
  },
  HELPER_STAYS: {
    text: "the deploy helper does not end for a client: {reason}",
    remedy: "A service is ended where it runs (`systemctl stop`); any other one when nothing is under way.",
    fault: "site",
  },
  HELPER_ENDS: {
    text: "the deploy helper is ending, and takes nothing new",
    remedy: "Ask again in a moment: what was under way goes on with its successor.",
    fault: "site",
    retry: true,
  },
});
