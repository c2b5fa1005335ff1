// Files: what was sent and what tasks made; send more by dropping them here.

import { h, patch } from "../lib/dom.js";
import { get, request } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { panel } from "../lib/panel.js";
import { href } from "../lib/router.js";
import { empty, pageHead, progressBar } from "../components/basics.js";
import { confirm } from "../components/dialog.js";
import { dropZone, fileTable, upload } from "../components/files.js";
import { act, toast } from "../components/toast.js";

export default async function page(root, context) {
	const sending = new Map();
	const uploads = h("div.uploads", { own: true, "aria-live": "polite", key: "uploads" });
	const zone = h("div", { own: true, key: "zone" }, dropZone(t("files.drop_many"), send, { multiple: true }));
	const view = panel(root, { load, render, signal: context.signal, everyMs: 3000, relevant: (event) => event.event === "task.succeeded" });
	context.onquery = view.refresh;
	await view.done;

	function load() {
		const cursor = context.query.get("cursor");
		return get("/api/files", { cursor, after: context.query.get("after") }, { signal: context.signal });
	}

	function render({ files, next }) {
		return [pageHead(t("nav.files")), zone, uploads, files.length ? fileTable(files, remove) : empty(t("files.none"), t("files.none_text")), next && h("div.pager", h("a.button", { href: href("/files", Object.fromEntries(new URL(next, location.origin).searchParams)) }, t("tasks.older")))];
	}

	function draw() {
		patch(uploads, [...sending].map(([file, share]) => h("div.upload", { key: file.name }, h("span", file.name), progressBar(share * 100, { label: t("files.uploading") }))));
	}

	async function send(file) {
		sending.set(file, 0);
		draw();
		try {
			await upload(file, (share) => {
				sending.set(file, share);
				draw();
			});
			toast(t("files.sent", { name: file.name }), { kind: "good" });
		} catch (error) {
			toast(`${file.name}: ${error.message}`, { kind: "bad" });
		}
		sending.delete(file);
		draw();
		view.refresh();
	}

	async function remove(file) {
		const answer = await confirm({ title: t("files.remove", { name: file.name }), text: t("files.remove_text"), label: t("action.delete"), kind: "danger" });
		if (answer) await act(request("DELETE", `/api/files/${file.file_id}`), t("files.removed", { name: file.name })).then(view.refresh);
	}
}
