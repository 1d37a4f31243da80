"use strict";
(() => {
	const $ = (id) => document.getElementById(id);
	const version = document.querySelector("meta[name=qodverify-version]").content;
	// Keys and evidence never mix: a key set is trusted only from its own slot.
	const slots = { files: [], keys: [] }; // of {name, data}
	let worker = null;
	let urls = [];

	const say = (text, kind) => {
		$("status").textContent = text;
		$("status").className = kind || "";
	};

	// The program is gzip in base64 within the page: a fetch would need the policy
	// to allow connections.
	async function program() {
		const packed = Uint8Array.from(atob($("source-wasm").textContent.trim()), (c) => c.charCodeAt(0));
		const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
		return await new Response(stream).arrayBuffer();
	}

	async function start() {
		const source = new Blob([$("source-exec").textContent, "\n", $("source-worker").textContent], { type: "text/javascript" });
		worker = new Worker(URL.createObjectURL(source));
		worker.onerror = (e) => say("The verifier could not be started: " + e.message, "error");
		worker.onmessage = ({ data }) => (data.ready ? ready() : show(data.answer));
		const wasm = await program();
		worker.postMessage({ wasm }, [wasm]);
	}

	function ready() {
		document.body.dataset.ready = "yes";
		if ($("status").textContent.startsWith("Loading")) say("Ready.");
		list();
	}

	function list() {
		for (const [slot, id] of [["files", "list"], ["keys", "key-list"]]) {
			$(id).replaceChildren(...slots[slot].map((f, i) => row(slot, f, i)));
		}
		$("verify").disabled = slots.files.length === 0 || document.body.dataset.ready !== "yes";
	}

	function row(slot, f, i) {
		const li = document.createElement("li");
		const name = document.createElement("code");
		name.textContent = f.name;
		const size = document.createElement("span");
		size.className = "size";
		size.textContent = f.data.length.toLocaleString("en") + " bytes";
		const remove = document.createElement("button");
		remove.type = "button";
		remove.textContent = "Remove";
		remove.setAttribute("aria-label", "Remove " + f.name);
		remove.onclick = () => {
			slots[slot].splice(i, 1);
			list();
		};
		li.append(name, size, remove);
		return li;
	}

	async function add(slot, chosen) {
		for (const f of chosen) {
			try {
				slots[slot].push({ name: f.name, data: new Uint8Array(await f.arrayBuffer()) });
			} catch (e) {
				say(f.name + " can't be read: " + e.message, "error");
			}
		}
		list();
		document.body.dataset.files = slots.files.length + slots.keys.length;
	}

	function verify() {
		say("Verifying…");
		$("verify").disabled = true;
		$("outcome").hidden = true;
		delete document.body.dataset.verdict;
		const pins = $("pins").value.split(/\s+/).filter((s) => s !== "");
		worker.postMessage({ request: { version, files: slots.files, keys: slots.keys, pins } });
	}

	const link = (a, text, type) => {
		a.href = URL.createObjectURL(new Blob([text], { type }));
		urls.push(a.href);
	};

	function show(answer) {
		$("verify").disabled = false;
		urls.forEach((u) => URL.revokeObjectURL(u));
		urls = [];
		if (answer.error) {
			say(answer.error, "error");
			document.body.dataset.verdict = "error";
			return;
		}
		globalThis.lastReport = answer.json;
		link($("html"), answer.html, "text/html;charset=utf-8");
		link($("json"), answer.json, "application/json");
		const frame = $("report");
		frame.onload = () => {
			const body = frame.contentDocument.body;
			const fit = () => (frame.style.height = body.scrollHeight + 40 + "px");
			new ResizeObserver(fit).observe(body);
			fit();
		};
		frame.srcdoc = answer.html;
		$("outcome").hidden = false;
		say("The verdict: " + answer.verdict.toUpperCase(), answer.verdict);
		document.body.dataset.verdict = answer.verdict;
	}

	for (const slot of ["files", "keys"]) {
		const area = $("drop-" + slot);
		$(slot).onchange = (e) => {
			add(slot, [...e.target.files]);
		};
		area.addEventListener("dragover", () => area.classList.add("over"));
		area.addEventListener("dragleave", () => area.classList.remove("over"));
		area.addEventListener("drop", (e) => {
			e.preventDefault();
			area.classList.remove("over");
			add(slot, [...e.dataTransfer.files]);
		});
	}
	$("verify").onclick = verify;
	$("clear").onclick = () => {
		for (const slot of ["files", "keys"]) {
			slots[slot] = [];
			$(slot).value = "";
		}
		$("pins").value = "";
		$("outcome").hidden = true;
		delete document.body.dataset.verdict;
		document.body.dataset.files = 0;
		say("Ready.");
		list();
	};
	// Without this, a file dropped beside the slots would replace the page.
	addEventListener("dragover", (e) => e.preventDefault());
	addEventListener("drop", (e) => e.preventDefault());
	start().catch((e) => say("The verifier could not be started: " + e.message, "error"));
})();
