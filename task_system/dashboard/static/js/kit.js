// What pages and larger parts are made of, from one place.

export * from "./lib/api.js";
export * from "./lib/dom.js";
export * from "./lib/format.js";
export * from "./lib/i18n.js";
export * from "./lib/live.js";
export * from "./lib/router.js";
export * from "./lib/settings.js";
export * from "./components/basics.js";
export * from "./components/dialog.js";
export * from "./components/panel.js";
export * from "./components/toast.js";
