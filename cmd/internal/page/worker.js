"use strict";
// Runs the verifier apart from the page, so that a large ledger does not freeze it.
onmessage = async ({ data }) => {
	try {
		if (data.wasm) {
			globalThis.qodverifyReady = () => postMessage({ ready: true });
			const go = new Go();
			const { instance } = await WebAssembly.instantiate(data.wasm, go.importObject);
			await go.run(instance);
			throw new Error("the verifier ended");
		}
		postMessage({ answer: qodverify(data.request) });
	} catch (e) {
		postMessage({ answer: { error: String(e) } });
	}
};
