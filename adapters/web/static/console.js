/* Signoff console. Loaded first, in the head: it makes the one Trusted Types policy before anything else runs, and sets the theme before
   the first paint. Everything here is a convenience; the pages work without it. No inline handler, no eval, no string becomes code. */
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");

  /* The default policy is what turns a string into markup (htmx swaps fragments with it). It admits what our own templates write and
     refuses what they never write: script-like elements, on… attributes, javascript: addresses. Our output escapes every < and > that
     came from outside, so a tag found here is the template's own. Scripts and script addresses are refused whatever they are. */
  const FORBIDDEN = /<\s*\/?\s*(?:script|iframe|frame|object|embed|base|meta|link|style|math|foreignobject|animate|set)\b|<[^>]*[\s/"']on[a-z]+\s*=|<[^>]*(?:href|src|action|formaction|xlink:href)\s*=\s*["']?\s*(?:javascript|data|vbscript):|<[^>]*\ssrcdoc\s*=/i;
  if (window.trustedTypes) {
    window.trustedTypes.createPolicy("default", {
      createHTML: (html) => (FORBIDDEN.test(html) ? null : html),
      createScript: () => null,
      createScriptURL: () => null,
    });
  }

  const memory = {
    get(key) { try { return localStorage.getItem(key); } catch { return null; } },
    set(key, value) { try { localStorage.setItem(key, value); } catch { /* private window: not kept */ } },
  };

  const applyTheme = (theme) => { if (theme === "light" || theme === "dark") root.dataset.theme = theme; };
  applyTheme(memory.get("theme"));
  const isDark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

  const say = (words) => { const region = document.getElementById("live-region"); if (region) region.textContent = words; };
  const keysOn = () => memory.get("keys") !== "off";

  /* --- countdowns: the server's clock, ticked here --- */
  let offset = 0;
  const face = (ms) => {
    const s = Math.floor(ms / 1000);
    if (s >= 86400) return null;
    const two = (n) => String(n).padStart(2, "0");
    const h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
    return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
  };
  const tick = () => {
    for (const el of document.querySelectorAll("time.left")) {
      const rest = Date.parse(el.dataset.until) - (Date.now() + offset);
      if (rest <= 0) { if (el.textContent !== "time is up") el.textContent = "time is up"; el.classList.add("soon"); continue; }
      const text = face(rest);
      if (text !== null) el.textContent = `${text} left`;
      el.classList.toggle("soon", rest < 120000);
    }
  };

  /* --- every part of the payload must have been on screen before Approve opens --- */
  const seen = new WeakSet();
  let watcher = null;
  const parts = () => [...document.querySelectorAll("#main [data-part]")];
  const isOpen = (part) => { const fold = part.querySelector("details.long"); return !fold || fold.open; };
  const unseen = () => parts().filter((part) => !seen.has(part));
  const showSeen = () => {
    const left = unseen();
    for (const el of document.querySelectorAll("[data-needs-seen]")) el.setAttribute("aria-disabled", String(left.length > 0));
    for (const el of document.querySelectorAll("[data-unseen]")) {
      el.hidden = left.length === 0;
      el.textContent = left.length === 1 ? "1 part not seen yet" : `${left.length} parts not seen yet`;
    }
    for (const el of document.querySelectorAll("[data-seen]")) el.value = left.length === 0 ? "all" : "no";
  };
  const watchParts = () => {
    if (!document.querySelector("[data-needs-seen]") || !("IntersectionObserver" in window)) { showSeen(); return; }
    const bar = document.querySelector(".actions"); /* on a phone it lies over the page: what is under it was not seen */
    const covered = bar && getComputedStyle(bar).position === "fixed" ? bar.offsetHeight : 0;
    watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        const part = entry.target.closest("[data-part]");
        if (entry.isIntersecting && isOpen(part)) { seen.add(part); watcher.unobserve(entry.target); }
      }
      showSeen();
    }, { rootMargin: `0px 0px -${covered + 8}px 0px` });
    for (const part of parts()) watcher.observe(part.querySelector("[data-end]"));
    document.addEventListener("toggle", (event) => {
      const part = event.target.closest && event.target.closest("[data-part]");
      const end = part && !seen.has(part) && part.querySelector("[data-end]");
      if (end) { watcher.unobserve(end); watcher.observe(end); }
    }, true);
    showSeen();
  };
  const openDialog = (opener) => {
    const left = opener.hasAttribute("data-needs-seen") ? unseen() : [];
    if (left.length) {
      const fold = left[0].querySelector("details.long");
      left[0].scrollIntoView({ block: "center" });
      if (fold) fold.querySelector("summary").focus();
      left[0].classList.add("nudge");
      setTimeout(() => left[0].classList.remove("nudge"), 1200);
      say(`${left.length} not seen yet. Look at every part first.`);
      return;
    }
    const dialog = document.getElementById(opener.dataset.opens);
    if (dialog && dialog.showModal) { showSeen(); dialog.showModal(); }
  };

  /* --- a revealed value leaves the screen by itself, and at once when the page does --- */
  const hideRevealed = (box) => { box.replaceChildren(); const p = document.createElement("p"); p.className = "soft small"; p.textContent = "Hidden again."; box.append(p); box.removeAttribute("data-hide-after"); };
  const tickRevealed = () => {
    for (const box of document.querySelectorAll("[data-hide-after]")) {
      const rest = Number(box.dataset.hideAfter) - 1;
      box.dataset.hideAfter = String(rest);
      const label = box.querySelector("[data-seconds]");
      if (label) label.textContent = String(rest);
      if (rest <= 0) hideRevealed(box);
    }
  };
  addEventListener("pagehide", () => { for (const box of document.querySelectorAll("[data-hide-after]")) hideRevealed(box); });
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  /* --- what somebody typed outlives the end of their session: in this tab, for them alone, until it was sent or they sign out --- */
  const TYPED = "#main textarea, #main input[name=comment], #main input[name=reason], #main input[name=purpose]";
  const drafts = {
    read() { try { const kept = JSON.parse(sessionStorage.getItem("drafts")); return kept && kept.texts ? kept : { me: "", texts: {} }; } catch { return { me: "", texts: {} }; } },
    write(kept) { try { sessionStorage.setItem("drafts", JSON.stringify(kept)); } catch { /* private window: not kept */ } },
    drop() { try { sessionStorage.removeItem("drafts"); } catch { /* there are none */ } },
  };
  const draftName = (field) => {
    const form = field.form;
    if (!form || form.getAttribute("method") !== "post" || !field.matches(TYPED)) return null;
    const choice = form.querySelector("input[name=choice]");
    return [form.getAttribute("action"), choice ? choice.value : "", field.name].join(" ");
  };
  const keepDraft = (field) => {
    const name = draftName(field), me = document.body.dataset.me;
    if (!name || !me) return;
    const kept = drafts.read();
    const texts = kept.me === me ? kept.texts : {};
    if (field.value) texts[name] = { text: field.value.slice(0, 2000), sent: false }; else delete texts[name];
    drafts.write({ me, texts });
  };
  const sendDrafts = (form) => {
    if ((form.getAttribute("action") || "").startsWith("/logout")) { drafts.drop(); return; }
    const kept = drafts.read();
    for (const field of form.elements) { const name = draftName(field); if (name && kept.texts[name]) kept.texts[name].sent = true; }
    drafts.write(kept);
  };
  const fillDrafts = () => {
    const kept = drafts.read();
    if (kept.me !== document.body.dataset.me) return;
    for (const field of document.querySelectorAll(TYPED)) {
      const draft = kept.texts[draftName(field)];
      if (!draft || draft.sent || field.value) continue;
      field.value = draft.text;
      const fold = field.closest("details");
      if (fold) fold.open = true;
    }
  };
  const openDrafts = () => {
    const kept = drafts.read(), me = document.body.dataset.me;
    if (me && kept.me && kept.me !== me) { drafts.drop(); return; }
    /* A page that says that nothing was done gives back what was sent; any other one means that it arrived. */
    const isBack = !me || document.body.hasAttribute("data-gives-back");
    for (const [name, draft] of Object.entries(kept.texts)) { if (draft.sent && isBack) draft.sent = false; else if (draft.sent) delete kept.texts[name]; }
    if (kept.me) drafts.write(kept);
    fillDrafts();
  };

  /* --- keys --- */
  const rows = () => [...document.querySelectorAll("[data-row]")];
  const move = (step) => {
    const all = rows();
    if (!all.length) return;
    const at = all.indexOf(document.activeElement);
    const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + step));
    all[next].focus();
  };
  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !keysOn() || document.querySelector("dialog[open]")) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const act = {
      j: () => move(1), k: () => move(-1),
      a: () => { const opener = document.querySelector("[data-opens]"); if (opener) openDialog(opener); },
      d: () => { const deny = document.getElementById("deny"); if (deny) { deny.open = true; deny.querySelector("textarea").focus(); } },
      u: () => { if (document.querySelector(".crumbs")) location.assign("/"); },
      "?": () => location.assign("/keys"),
    }[event.key];
    if (act) { event.preventDefault(); act(); }
  };

  document.addEventListener("click", async (event) => {
    const target = event.target.closest("[data-opens], [data-closes], [data-theme-toggle], [data-copies]");
    if (!target) return;
    if (target.dataset.opens) { event.preventDefault(); openDialog(target); }
    else if (target.hasAttribute("data-closes")) target.closest("dialog").close();
    else if (target.hasAttribute("data-theme-toggle")) { const theme = isDark() ? "light" : "dark"; applyTheme(theme); memory.set("theme", theme); }
    else { try { await navigator.clipboard.writeText(document.getElementById(target.dataset.copies).textContent); target.textContent = "Copied"; } catch { getSelection().selectAllChildren(document.getElementById(target.dataset.copies)); } }
  });

  document.addEventListener("input", (event) => keepDraft(event.target));

  document.addEventListener("submit", (event) => { /* a second click of the same form is only noise */
    const form = event.target;
    if (form.dataset.sent) { event.preventDefault(); return; }
    sendDrafts(form);
    if (form.method === "post" && !form.hasAttribute("hx-post")) { form.dataset.sent = "1"; setTimeout(() => delete form.dataset.sent, 5000); }
  });

  document.addEventListener("DOMContentLoaded", () => {
    const now = Date.parse(document.body.dataset.now);
    if (!Number.isNaN(now)) offset = now - Date.now();
    tick(); watchParts(); openDrafts();
    setInterval(() => { tick(); tickRevealed(); }, 1000);
    document.addEventListener("keydown", onKey);
    const keys = document.querySelector("[data-keys-toggle]");
    if (keys) { keys.checked = keysOn(); keys.addEventListener("change", () => memory.set("keys", keys.checked ? "on" : "off")); }
    const live = document.querySelector("[data-live]");
    document.body.addEventListener("htmx:sseOpen", () => live && live.classList.add("on"));
    document.body.addEventListener("htmx:sseError", () => live && live.classList.remove("on"));
    document.body.addEventListener("htmx:sseClose", (event) => { if (event.detail.type === "message") location.reload(); });
    let held = null;
    document.body.addEventListener("htmx:beforeSwap", () => { const row = document.activeElement && document.activeElement.closest("[data-row]"); held = row ? row.getAttribute("href") : null; });
    let version = (document.getElementById("panel") || { dataset: {} }).dataset.version;
    document.body.addEventListener("htmx:afterSettle", () => {
      tick(); showSeen(); fillDrafts();
      if (held) { const row = rows().find((r) => r.getAttribute("href") === held); if (row) row.focus(); }
      const panel = document.getElementById("panel");
      if (!panel || panel.dataset.version === version) return;
      version = panel.dataset.version;
      const dialog = document.getElementById("approve-dialog");
      if (dialog && dialog.open) { dialog.close(); say("The request changed while you were deciding. Look again."); }
      else say("The request changed.");
      for (const field of document.querySelectorAll("#approve-dialog input[name=version]")) field.value = version;
    });
  });
})();
