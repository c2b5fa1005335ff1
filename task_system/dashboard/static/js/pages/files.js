// Files: what was sent and what tasks made; send more by dropping them here.

import { empty, h, hrefOfNext, pageHead, pager, patch, progressBar, request, t, toast } from "../kit.js";
import { dropZone, fileTable, upload } from "../components/files.js";

export default function page(page) {
	const sending = new Map();
	const uploads = h("div.uploads", { own: true, "aria-live": "polite", key: "uploads" });
	const zone = h("div", { own: true, key: "zone" }, dropZone("files.drop_many", send, true));
	return page.show({ load, render, everyMs: 3000, relevant: (event) => event.event === "task.succeeded" });

	function load() {
		return page.get("/api/files", { cursor: page.query.get("cursor") });
	}

	function render({ files, next }) {
		return [
			pageHead("nav.files"),
			zone,
			uploads,
			files.length ? fileTable(files, remove) : empty("files.none"),
			pager("tasks.older", hrefOfNext(next)),
		];
	}

	function sent(file, share) {
		if (share === undefined) sending.delete(file);
		else sending.set(file, share);
		patch(
			uploads,
			[...sending].map(([{ name }, share]) => h("div.upload", { key: name }, h("span", name), progressBar(share * 100, { label: "files.uploading" }))),
		);
	}

	async function send(file) {
		sent(file, 0);
		try {
			await upload(file, (share) => sent(file, share));
			toast(t("files.sent", file), "good");
		} catch (error) {
			toast(`${file.name}: ${error.message}`, "bad");
		}
		sent(file);
		page.refresh();
	}

	function remove(file) {
		const asked = { title: t("files.remove", file), content: "files.remove_text", label: "action.delete", kind: "danger" };
		page.ask(asked, () => request("DELETE", `/api/files/${file.file_id}`), () => t("files.removed", file));
	}
}
