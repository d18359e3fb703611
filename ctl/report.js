"use strict";
/*
 * The page of a report. Everything is drawn from the JSON in #data and only as much as is looked
 * at: one level of the map, one part of a list. Where one is stands in the address (behind #), so
 * that the browser's back button, bookmarks and links work.
 *
 * Texts of the data are untrusted: they become text nodes and attributes, never markup.
 */
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { ipams, scopes, pools, items, groups } = data.estate;
  const $ = id => document.getElementById(id);
  const OVERLAPS = 1, BREAKS_RULES = 2, UNMANAGED = 4;
  const ROW_BITS = 4; // a level of the map has 16 rows
  const SMALL = 0.018; // narrower blocks, as a part of a row, are drawn together
  const PAGE = 100;
  const NEARLY_FULL = 80;

  /* --- prefixes: {v, start, len}, the address as an integer --- */

  const bits = v => (v === 4 ? 32 : 128);
  const size = p => 1n << BigInt(bits(p.v) - p.len);
  const end = p => p.start + size(p);
  const contains = (p, q) => p.v === q.v && p.len <= q.len && q.start >= p.start && q.start < end(p);
  const same = (p, q) => p.v === q.v && p.len === q.len && p.start === q.start;
  const key = p => p.v + ":" + p.start.toString(16) + "/" + p.len;
  const order = (p, q) => p.v - q.v || (p.start < q.start ? -1 : p.start > q.start ? 1 : p.len - q.len);

  function widen(p, len) {
    const host = BigInt(bits(p.v) - len);
    return { v: p.v, start: (p.start >> host) << host, len };
  }

  function parseV4(text) {
    const parts = text.split(".");
    if (parts.length !== 4 || !parts.every(n => /^\d{1,3}$/.test(n) && +n < 256)) return null;
    return parts.reduce((sum, n) => sum * 256n + BigInt(n), 0n);
  }

  function parseV6(text) {
    const halves = text.split("::");
    if (halves.length > 2 || !/^[0-9a-f:]+$/i.test(text)) return null;
    const words = half => (half ? half.split(":") : []);
    const left = words(halves[0]), right = words(halves[1]);
    const gap = 8 - left.length - right.length;
    if (halves.length === 1 ? gap !== 0 : gap < 1) return null;
    const all = [...left, ...Array(Math.max(gap, 0)).fill("0"), ...right];
    if (!all.every(w => /^[0-9a-f]{1,4}$/i.test(w))) return null;
    return all.reduce((sum, w) => (sum << 16n) + BigInt("0x" + w), 0n);
  }

  /* A CIDR, or an address as the longest prefix; host bits are cut off. Null: neither. */
  function parse(text) {
    const [address, length, ...rest] = text.trim().split("/");
    const v = address.includes(":") ? 6 : 4;
    const start = v === 6 ? parseV6(address) : parseV4(address);
    const len = length === undefined ? bits(v) : /^\d{1,3}$/.test(length) ? +length : -1;
    if (start === null || rest.length || len < 0 || len > bits(v)) return null;
    return widen({ v, start, len: bits(v) }, len);
  }

  /* The longest run of zero words, of equal ones the first, is written :: (RFC 5952). */
  function formatV6(n) {
    const words = [];
    for (let shift = 112n; shift >= 0n; shift -= 16n) words.push(((n >> shift) & 0xffffn).toString(16));
    let best = 0, at = -1;
    for (let i = 0; i < 8; i++) {
      let run = 0;
      while (i + run < 8 && words[i + run] === "0") run++;
      if (run > best && run > 1) [best, at] = [run, i];
    }
    if (at < 0) return words.join(":");
    return words.slice(0, at).join(":") + "::" + words.slice(at + best).join(":");
  }

  const address = (v, n) =>
    v === 6 ? formatV6(n) : [24n, 16n, 8n, 0n].map(s => (n >> s) & 255n).join(".");
  const format = p => address(p.v, p.start) + "/" + p.len;

  /* --- the model --- */

  const number = n => BigInt(n).toString().replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  const percent = n => (n > 0 && n < 0.1 ? "< 0.1" : n.toFixed(n < 10 && n % 1 ? 1 : 0)) + " %";
  const counted = (n, one, many) => number(n) + " " + (n === 1 ? one : many);

  pools.forEach((p, index) => {
    p.index = index;
    p.at = p.cidrs.map(parse);
    p.children = [];
    if (p.up >= 0) pools[p.up].children.push(p);
  });
  const things = items.map((x, index) => ({
    index, cidr: x[0], at: parse(x[0]), scope: x[1], pool: x[2], kind: x[3], id: x[4], name: x[5],
    owner: x[6], region: x[7], marks: x[8], vpc: x[9], usage: x[10], note: x[11], tags: x[12],
  }));
  const vpcs = new Set(things.filter(t => t.kind === "vpc").map(t => t.id));
  const topsOf = scopes.map((_, scope) => pools.filter(p => p.scope === scope && p.up < 0));
  const tops = scope => topsOf[scope];

  /* Of each scope: its things in order, and by their prefix. */
  const inOrder = scopes.map(() => []);
  for (const t of things) inOrder[t.scope].push(t);
  const byPrefix = inOrder.map(list => {
    const map = new Map();
    list.sort((a, b) => order(a.at, b.at));
    for (const t of list) {
      const k = key(t.at);
      if (map.has(k)) map.get(k).push(t);
      else map.set(k, [t]);
    }
    return map;
  });

  function firstFrom(list, v, start) {
    let low = 0, high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1, at = list[middle].at;
      if (at.v < v || (at.v === v && at.start < start)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /* Things that are inside p or equal it, in order. */
  function thingsIn(scope, p) {
    const list = inOrder[scope], found = [], stop = end(p);
    for (let i = firstFrom(list, p.v, p.start); i < list.length; i++) {
      const at = list[i].at;
      if (at.v !== p.v || at.start >= stop) break;
      if (at.len >= p.len) found.push(list[i]);
    }
    return found;
  }

  /* Things that contain p or equal it, the widest first. */
  function thingsAround(scope, p) {
    const found = [];
    for (let len = 0; len <= p.len; len++) found.push(...(byPrefix[scope].get(key(widen(p, len))) || []));
    return found;
  }

  /* The pools that contain p, from the top down. */
  function poolsAround(scope, p) {
    const path = [];
    let level = tops(scope), next;
    while ((next = level.find(x => x.at.some(c => contains(c, p))))) {
      path.push(next);
      level = next.children;
    }
    return path;
  }

  /* What to attend to inside of the CIDRs of a pool. */
  function trouble(p) {
    const inside = p.at.flatMap(c => thingsIn(p.scope, c)).filter(t => !(t.kind === "subnet" && vpcs.has(t.vpc)));
    const count = mark => inside.filter(t => t.marks & mark).length;
    return { overlaps: count(OVERLAPS), breaks: count(BREAKS_RULES) };
  }

  const titleOfPool = p => p.name || p.id;
  const titleOf = t => t.name || t.id || (t.kind === "custom" && t.note) || "reservation";
  const fillOf = t =>
    t.kind === "custom" ? "reservation" : t.marks & UNMANAGED ? "unmanaged" : "resource";

  /* --- building elements --- */

  function el(tag, attributes, ...children) {
    const e = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
      else if (value === true) e.setAttribute(name, "");
      else if (value !== false && value !== undefined && value !== null) e.setAttribute(name, value);
    }
    e.append(...children.flat().filter(c => c !== null && c !== undefined && c !== ""));
    return e;
  }
  const cidrText = text => el("span", { class: "cidr" }, text);
  const link = (text, place) => el("a", { href: hashOf(place) }, text);

  /* A list of which a part is shown, with a button for the next part. */
  function lazyList(list, make, attributes) {
    const box = el("ul", attributes || { class: "list" });
    const wrap = el("div", {}, box);
    let shown = 0;
    const more = el("button", { class: "more", type: "button", onclick: () => show(PAGE) });
    function show(count) {
      const part = list.slice(shown, shown + count);
      box.append(...part.map(x => el("li", {}, make(x))));
      shown += part.length;
      const rest = list.length - shown;
      more.textContent = `Show ${Math.min(rest, PAGE)} more of ${number(rest)}`;
      if (rest > 0) wrap.append(more);
      else more.remove();
    }
    show(PAGE);
    return wrap;
  }

  function bar(p) {
    const fill = (kind, n) => {
      const s = el("span", { class: kind + "-fill" });
      s.style.width = Math.min(n, 100) + "%";
      return s;
    };
    const used = p.below + p.used;
    const words = p.total === "0" ? "no CIDR yet" : percent(used) + " used";
    const parts = p.below > 0 && p.used > 0 ? ` (${percent(p.below)} pools, ${percent(p.used)} resources)` : "";
    return el("div", {},
      el("div", { class: "bar", role: "img", "aria-label": words }, fill("pool", p.below), fill("resource", p.used)),
      el("span", { class: "fill" }, words + parts, " "),
      used >= NEARLY_FULL && p.used > 0 ? el("span", { class: "mark" }, "▲ nearly full") : "");
  }

  function marksOf(t) {
    const marks = [];
    if (t.marks & OVERLAPS) marks.push(el("span", { class: "mark" }, "⚠ overlaps"), " ");
    if (t.marks & BREAKS_RULES) marks.push(el("span", { class: "mark" }, "✗ breaks rules"), " ");
    if (t.marks & UNMANAGED) marks.push(el("span", { class: "soft" }, "in no pool"));
    return marks;
  }

  function description(pairs) {
    return el("dl", {}, pairs.filter(([, value]) => value && value.length !== 0)
      .flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
  }
  const tagList = tags => tags.map(([k, v]) => el("div", {}, k + " = " + v));

  /* --- where one is --- */

  const VIEWS = ["map", "pools", "overlaps", "rules"];

  function hashOf(place) {
    const q = new URLSearchParams();
    for (const name of ["view", "scope", "pool", "at", "sel"])
      if (place[name] !== undefined && place[name] !== null) q.set(name, place[name]);
    return "#" + q.toString();
  }

  function placeOf(hash) {
    const q = new URLSearchParams(hash.slice(1));
    const scope = Math.trunc(Number(q.get("scope")));
    const pool = q.has("pool") ? pools.find(p => p.id === q.get("pool")) : null;
    const at = q.has("at") ? parse(q.get("at")) : null;
    const sel = q.has("sel") ? things[Number(q.get("sel"))] : null;
    return {
      view: VIEWS.includes(q.get("view")) ? q.get("view") : "map",
      scope: pool ? pool.scope : scope >= 0 && scope < scopes.length ? scope : 0,
      pool: pool || null, at, sel: sel || null,
    };
  }

  let here;
  const go = place => { location.hash = hashOf(place); };
  const placeOfPool = p => ({ view: "map", scope: p.scope, pool: p.id });

  /* A level of the map on which the thing can be seen. */
  function placeOfThing(t) {
    const path = poolsAround(t.scope, t.at), inside = path[path.length - 1];
    const place = { view: "map", scope: t.scope, sel: t.index };
    if (!inside) return place;
    place.pool = inside.id;
    const root = inside.at.find(c => contains(c, t.at));
    if (t.at.len - root.len > 9) place.at = format(widen(t.at, t.at.len - 6));
    const vpc = thingsAround(t.scope, t.at).find(x => x.kind !== "subnet" && x.id === t.vpc);
    if (t.kind === "subnet" && vpc) place.at = vpc.cidr;
    return place;
  }

  /* --- the map --- */

  const childrenOf = place => (place.pool ? place.pool.children : tops(place.scope));

  /* Of a scope: the CIDRs of its top-level pools, and what lies in none of them. */
  function outermost(scope, children) {
    const all = children.flatMap(p => p.at).concat(inOrder[scope].map(t => t.at));
    const found = [];
    for (const p of all.sort(order))
      if (!found.length || !contains(found[found.length - 1], p)) found.push(p);
    return found;
  }

  function blocksIn(place, root, children) {
    const below = children.flatMap(p => p.at.filter(c => contains(root, c) || contains(c, root))
      .map(c => ({ at: c, pool: p })));
    const around = thingsAround(place.scope, root);
    const vpc = around.filter(t => t.vpc && t.kind !== "subnet").pop();
    const inVpc = vpc && place.at ? vpc : null;
    const found = around.filter(t => !same(t.at, root)).concat(thingsIn(place.scope, root));
    const outside = outsideOf(found, below.map(b => b.at).sort(order));
    const shown = found.filter(t => {
      if (t === inVpc || (inVpc && contains(t.at, inVpc.at) && !same(t.at, inVpc.at))) return false;
      if (t.kind === "subnet" && vpcs.has(t.vpc)) return inVpc && t.vpc === inVpc.vpc;
      return (place.pool && t.pool === place.pool.index) || outside.has(t);
    });
    return below.concat(shown.map(t => ({ at: t.at, thing: t })));
  }

  /* Those in none of the covers; both in order. One sweep, as there may be many of both. */
  function outsideOf(list, covers) {
    const outside = new Set();
    let cover = null, i = 0;
    for (const t of list) {
      for (; i < covers.length && order(covers[i], t.at) <= 0; i++)
        if (!cover || !contains(cover, covers[i])) cover = covers[i];
      if (!cover || !contains(cover, t.at)) outside.add(t);
    }
    return outside;
  }

  /* One block for equal prefixes, in order; depth: how many others it lies in. */
  function nested(list) {
    const blocks = [], stack = [];
    for (const x of list.sort((a, b) => order(a.at, b.at))) {
      let last = blocks[blocks.length - 1];
      if (!last || !same(last.at, x.at)) {
        while (stack.length && !contains(stack[stack.length - 1].at, x.at)) stack.pop();
        last = { at: x.at, depth: stack.length, pools: [], things: [] };
        blocks.push(last);
        stack.push(last);
      }
      if (x.pool) last.pools.push(x.pool);
      else if (!last.things.includes(x.thing)) last.things.push(x.thing);
    }
    return blocks;
  }

  function rowsOf(root, blocks) {
    const len = Math.min(root.len + ROW_BITS, bits(root.v)), rows = [];
    const width = 1n << BigInt(bits(root.v) - len);
    for (let start = root.start; start < end(root);) {
      const row = { at: { v: root.v, start, len }, blocks: [], rows: 1n };
      const wide = blocks.find(b => b.depth === 0 && b.at.len < len && contains(b.at, row.at));
      if (wide && wide.at.len >= root.len) row.at = wide.at;
      row.rows = size(row.at) / width;
      row.blocks = blocks.filter(b => contains(row.at, b.at) || contains(b.at, row.at));
      start = end(row.at);
      const last = rows[rows.length - 1];
      if (last && !last.blocks.length && !row.blocks.length) last.rows += row.rows;
      else rows.push(row);
    }
    return rows;
  }

  const marksIn = list => list.reduce((m, t) => m | t.marks, 0);

  function describe(block) {
    const marks = marksIn(block.things);
    const names = block.pools.map(p => `pool ${titleOfPool(p)}, ${percent(p.below + p.used)} used`)
      .concat(block.things.map(titleOf));
    return format(block.at) + " " + names.join(", ") + (marks & OVERLAPS ? ", overlaps" : "") +
      (marks & BREAKS_RULES ? ", breaks rules" : "");
  }

  /* How full a pool is, and what is the matter below. */
  function poolText(p) {
    const gauge = el("span", { class: "gauge" }), found = trouble(p);
    gauge.style.width = Math.min(p.below + p.used, 100) + "%";
    const words = [found.overlaps && `⚠ ${number(found.overlaps)} overlap`, found.breaks && `✗ ${counted(found.breaks, "breaks", "break")} rules`,
      percent(p.below + p.used) + " used" + (p.at.length > 1 ? ` of ${p.at.length} CIDRs` : "")];
    return [el("span", { class: "side" }, words.filter(Boolean).join(" · ")), titleOfPool(p), gauge];
  }

  function placed(cell, row, from, to) {
    const whole = Number(size(row.at));
    cell.style.left = (100 * Number(from - row.at.start)) / whole + "%";
    cell.style.width = (100 * Number(to - from)) / whole + "%";
    return cell;
  }

  function blockCell(place, row, block) {
    const marks = marksIn(block.things);
    const fill = block.pools.length ? "pool" : fillOf(block.things[0]);
    const sign = (marks & OVERLAPS ? "⚠ " : "") + (marks & BREAKS_RULES ? "✗ " : "");
    const names = block.pools.map(titleOfPool).concat(block.things.map(titleOf));
    const text = names.length === 1 && block.pools.length ? poolText(block.pools[0])
      : sign + (names.length > 1 ? names.length + " × " : "") + names.join(", ");
    const cell = el("button", {
      type: "button",
      class: `cell ${fill}-fill deep${Math.min(block.depth, 2)}` + (marks & OVERLAPS ? " overlaps" : "") +
        (marks & BREAKS_RULES ? " breaks" : "") + (block.things.includes(place.sel) ? " selected" : ""),
      title: describe(block), "aria-label": describe(block),
      onclick: () => open(place, block),
    }, text);
    const from = block.at.start > row.at.start ? block.at.start : row.at.start;
    const to = end(block.at) < end(row.at) ? end(block.at) : end(row.at);
    return placed(cell, row, from, to);
  }

  /* Blocks too narrow to be told apart: opens the smallest prefix that holds them all. */
  function manyCell(place, row, blocks) {
    const first = blocks[0].at, last = blocks[blocks.length - 1].at;
    let len = first.len;
    while (len > row.at.len && !contains(widen(first, len), last)) len--;
    const inside = widen(first, len);
    const marks = marksIn(blocks.flatMap(b => b.things));
    const words = counted(blocks.length, "block", "blocks") + " in " + format(inside) +
      (marks & OVERLAPS ? ", some overlap" : "") + (marks & BREAKS_RULES ? ", some break rules" : "");
    const cell = el("button", {
      type: "button", class: "cell many-fill" + (marks & OVERLAPS ? " overlaps" : ""),
      title: words, "aria-label": words,
      onclick: () => go({ view: "map", scope: place.scope, pool: place.pool && place.pool.id, at: format(inside) }),
    }, (marks & OVERLAPS ? "⚠ " : "") + number(blocks.length) + " blocks");
    return placed(cell, row, first.start, end(last) > end(first) ? end(last) : end(first));
  }

  function cellsOf(place, row) {
    const cells = [], whole = Number(size(row.at));
    let run = [];
    const part = n => Number(n) / whole;
    const flush = () => {
      if (run.length === 1) cells.push(blockCell(place, row, run[0]));
      else if (run.length) cells.push(manyCell(place, row, run));
      run = [];
    };
    for (const b of row.blocks) {
      const narrow = part(size(b.at)) < SMALL && !contains(b.at, row.at);
      const previous = run[run.length - 1];
      if (!narrow) {
        flush();
        cells.push(blockCell(place, row, b));
      } else {
        if (previous && part(b.at.start - end(previous.at)) > SMALL) flush();
        run.push(b);
      }
    }
    flush();
    return cells;
  }

  const HEIGHTS = ["", " tall", " taller"];

  function drawRow(place, row) {
    const at = format(row.at);
    const zoom = { view: "map", scope: place.scope, pool: place.pool && place.pool.id, at };
    const zooms = row.at.len < bits(row.at.v) && !(place.at && same(place.at, row.at));
    const only = row.blocks.find(b => same(b.at, row.at) && b.pools.length);
    if (only) zoom.pool = only.pools[0].id;
    if (!row.blocks.length) {
      const to = row.at.start + size(row.at) * row.rows - 1n;
      return el("div", { class: "row" }, el("div", { class: "label soft" }, cidrText(row.rows === 1n ? at : address(row.at.v, row.at.start) + " –")),
        el("div", { class: "free" }, row.rows === 1n ? "free" : "free up to ", row.rows === 1n ? "" : cidrText(address(row.at.v, to)),
          row.rows === 1n ? "" : ` (${row.rows} × /${row.at.len})`));
    }
    return el("div", { class: "row" },
      el("div", { class: "label" }, zooms ? el("a", { class: "cidr", href: hashOf(only ? placeOfPool(only.pools[0]) : zoom) }, at) : cidrText(at)),
      el("div", { class: "track" + HEIGHTS[Math.max(...row.blocks.map(b => Math.min(b.depth, 2)))] }, cellsOf(place, row)));
  }

  function open(place, block) {
    if (block.pools.length) return go(placeOfPool(block.pools[0]));
    const t = block.things[0];
    return go({ view: "map", scope: place.scope, pool: place.pool && place.pool.id, at: place.at && format(place.at), sel: t.index });
  }

  function drawMap() {
    const map = $("map"), children = childrenOf(here);
    const roots = here.at ? [here.at] : here.pool ? here.pool.at : outermost(here.scope, children);
    const blocksOf = at => nested(blocksIn(here, at, children));
    const single = roots.length === 1 && (here.pool || here.at);
    const rows = single ? rowsOf(roots[0], blocksOf(roots[0])) : roots.map(at => ({ at, rows: 1n }));
    map.className = "map" + (roots.some(r => r.v === 6) ? " wide" : "");
    map.replaceChildren(rows.length ? lazyList(rows, row => drawRow(here, { blocks: row.blocks || blocksOf(row.at), ...row })) :
      el("p", { class: "soft" }, here.pool ? "This pool has no CIDR yet." : "Nothing is in this scope."));
    drawCrumbs();
    drawDetails();
  }

  function drawCrumbs() {
    const path = [];
    for (let p = here.pool; p; p = p.up >= 0 ? pools[p.up] : null) path.unshift(p);
    const crumbs = [["All of the scope", { view: "map", scope: here.scope }]];
    for (const p of path) crumbs.push([titleOfPool(p) + (p.cidrs.length === 1 ? " " + p.cidrs[0] : ""), placeOfPool(p)]);
    if (here.at) {
      const root = here.pool && here.pool.at.find(c => contains(c, here.at));
      const from = root ? root.len : here.at.len;
      const levels = [];
      for (let len = here.at.len; len > from; len -= ROW_BITS) levels.unshift(len);
      if (!levels.length && !(root && same(root, here.at) && here.pool.at.length === 1)) levels.push(here.at.len);
      for (const len of levels) {
        const at = format(widen(here.at, len));
        crumbs.push([at, { view: "map", scope: here.scope, pool: here.pool && here.pool.id, at }]);
      }
    }
    $("crumbs").replaceChildren(...crumbs.map(([text, place], i) =>
      el("span", {}, i < crumbs.length - 1 ? link(text, place) : el("span", { "aria-current": "location" }, text))));
    up = crumbs.length > 1 ? crumbs[crumbs.length - 2][1] : null;
  }
  let up = null;

  /* --- details --- */

  function poolDetails(p) {
    return [el("h2", {}, "Pool ", titleOfPool(p)), bar(p), description([
      ["Id", el("code", {}, p.id)],
      ["CIDRs", p.cidrs.map(c => el("div", {}, cidrText(c)))],
      ["Addresses", p.total === "0" ? "" : number(p.free) + " free of " + number(p.total)],
      ["Largest free", p.largest >= 0 ? "/" + p.largest : p.total === "0" ? "" : "nothing is free"],
      ["Allocations", number(p.drawn)],
      ["Pools below", p.children.length ? number(p.children.length) : ""],
      ["Break rules", p.bad ? el("span", { class: "mark" }, "✗ " + number(p.bad)) : ""],
      ["Locale", p.locale], ["Owner", p.owner], ["Rules", p.rules], ["Tags", tagList(p.tags)],
    ])];
  }

  function thingDetails(t) {
    const around = thingsAround(t.scope, t.at).concat(thingsIn(t.scope, t.at));
    const others = t.marks & OVERLAPS ? [...new Set(around)].filter(x => x !== t && x.marks & OVERLAPS) : [];
    const subnets = t.kind === "subnet" ? [] : thingsIn(t.scope, t.at).filter(x => x.kind === "subnet" && x.vpc === t.vpc);
    const place = { view: "map", scope: t.scope, pool: t.pool >= 0 ? pools[t.pool].id : here.pool && here.pool.id, at: t.cidr };
    return [el("h2", {}, titleOf(t)), el("p", {}, marksOf(t)), description([
      ["CIDR", cidrText(t.cidr)],
      ["Kind", t.kind === "custom" ? "reservation" : t.kind],
      ["Id", t.id && el("code", {}, t.id)],
      ["VPC", t.vpc !== t.id && t.vpc ? el("code", {}, t.vpc) : ""],
      ["Owner", t.owner], ["Region", t.region],
      ["Pool", t.pool >= 0 ? link(titleOfPool(pools[t.pool]), placeOfPool(pools[t.pool])) : ""],
      ["In subnets", t.kind === "vpc" && subnets.length ? percent(t.usage) : ""],
      [t.marks & BREAKS_RULES ? "Why" : "Note", t.note],
      ["Tags", tagList(t.tags)],
      ["Overlaps with", others.slice(0, 20).map(x => el("div", {}, link(`${x.cidr} ${titleOf(x)}`, placeOfThing(x)), " ", el("span", { class: "soft" }, x.owner)))],
    ]), subnets.length ? el("p", {}, link(`Show ${counted(subnets.length, "subnet", "subnets")} on the map`, place)) : ""];
  }

  function drawDetails() {
    const alike = here.sel ? byPrefix[here.sel.scope].get(key(here.sel.at)) : [];
    const chosen = here.sel ? [here.sel, ...alike.filter(t => t !== here.sel && t.kind === here.sel.kind)] : [];
    const inVpc = here.at && thingsAround(here.scope, here.at).filter(t => t.vpc && t.kind !== "subnet").pop();
    const scope = scopes[here.scope], ipam = ipams[scope[1]];
    $("details").replaceChildren(...(chosen.length ? chosen.slice(0, 10).flatMap(thingDetails)
      : inVpc ? thingDetails(inVpc)
      : here.pool ? poolDetails(here.pool)
      : [el("h2", {}, "Scope"), description([
        ["Id", el("code", {}, scope[0])], ["Type", scope[2] + (scope[3] ? ", default" : "")],
        ["IPAM", el("code", {}, ipam[0])], ["Owner", ipam[1]], ["Region", ipam[2]],
        ["Top-level pools", number(tops(here.scope).length)],
        ["Networks", number(inOrder[here.scope].filter(t => t.kind === "vpc").length)],
      ])]).filter(x => x !== ""));
  }

  const LEGEND = [
    ["pool", "pool below"], ["resource", "resource from a pool"], ["reservation", "reservation"],
    ["unmanaged", "in no pool"], ["many", "many small blocks"], ["resource overlaps", "⚠ overlaps"],
    ["resource breaks", "✗ breaks rules"], [null, "free"], ["pool line", "white line: how much of a pool is used"],
  ];
  const drawLegend = () => $("legend").replaceChildren(...LEGEND.map(([fill, text]) => el("li", {},
    el("span", { class: "swatch " + (fill ? fill.replace(/^\w+/, "$&-fill") : "none") }), text)));

  /* --- pools --- */

  function poolNode(p, opened) {
    const below = el("div", { hidden: !opened });
    const fill = () => below.childElementCount || below.append(lazyList(p.children, c => poolNode(c, false), { class: "tree" }));
    const toggle = el("button", {
      type: "button", class: "toggle", "aria-expanded": String(opened), "aria-label": "Pools below " + titleOfPool(p),
      onclick: () => {
        fill();
        below.hidden = !below.hidden;
        toggle.textContent = below.hidden ? "+" : "−";
        toggle.setAttribute("aria-expanded", String(!below.hidden));
      },
    }, opened ? "−" : "+");
    if (opened && p.children.length) fill();
    return el("div", {}, el("div", { class: "node" },
      p.children.length ? toggle : el("span", {}),
      el("div", {}, link(titleOfPool(p), placeOfPool(p)), " ",
        p.bad ? el("span", { class: "mark" }, "✗ " + counted(p.bad, "breaks rules", "break rules")) : "",
        el("div", { class: "fill" },
          [p.locale !== "None" && p.locale, p.owner, counted(p.drawn, "allocation", "allocations")].filter(Boolean).join(" · "))),
      el("div", {}, p.cidrs.slice(0, 3).map(c => el("div", {}, cidrText(c))), p.cidrs.length > 3 ? `and ${p.cidrs.length - 3} more` : ""),
      bar(p)), below);
  }

  function drawPools() {
    const roots = tops(here.scope), few = pools.length <= 60;
    const children = few ? roots : roots.length === 1 ? roots : [];
    $("view-pools").replaceChildren(el("h2", {}, "Pools"), roots.length
      ? lazyList(roots, p => poolTree(p, children.includes(p), few), { class: "tree" })
      : el("p", { class: "soft" }, "No pool is in this scope."));
  }
  function poolTree(p, opened, deep) {
    const node = poolNode(p, opened && p.children.length > 0);
    if (deep) node.querySelectorAll('.toggle[aria-expanded="false"]').forEach(openAll);
    return node;
  }
  function openAll(toggle) {
    toggle.click();
    toggle.closest(".node").nextSibling.querySelectorAll('.toggle[aria-expanded="false"]').forEach(openAll);
  }

  /* --- lists of things --- */

  /* With `why` the reason stands in place of marks and pool. */
  function entry(t, why) {
    const pool = t.pool >= 0 ? link(titleOfPool(pools[t.pool]), placeOfPool(pools[t.pool])) : t.kind;
    return el("div", { class: why ? "entry reason" : "entry" },
      el("div", {}, cidrText(t.cidr)),
      el("div", {}, link(titleOf(t), placeOfThing(t)), t.name && t.id ? [" ", el("code", { class: "soft" }, t.id)] : "", " ", why ? "" : marksOf(t)),
      el("div", {}, t.owner, t.region ? el("span", { class: "soft" }, (t.owner ? " · " : "") + t.region) : ""),
      el("div", {}, why || pool));
  }

  const fits = (words, text) => words.every(w => text.includes(w));
  const wordsOf = text => text.toLowerCase().split(/\s+/).filter(Boolean);
  const textOf = x => (x.text ??= [...(x.cidrs || [x.cidr, x.kind, x.region, x.vpc, x.note]), x.id, x.name, x.owner, x.locale,
    ...x.tags.map(([k, v]) => k + "=" + v)].join("\n").toLowerCase());

  function groupBox(g) {
    const [, cidr, pairs, owners, members] = g;
    const box = el("details", { class: "group" }, el("summary", {}, cidrText(cidr), " ",
      el("strong", {}, number(members.length) + " CIDRs"), `, ${counted(pairs, "pair", "pairs")} · `,
      owners.length ? owners.slice(0, 6).join(", ") + (owners.length > 6 ? ` and ${owners.length - 6} more` : "") : "owners unknown"));
    box.addEventListener("toggle", () => {
      if (box.open && box.childElementCount === 1) box.append(lazyList(members.map(i => things[i]), t => entry(t)));
    });
    return box;
  }

  function drawOverlaps() {
    const all = groups.filter(g => g[0] === here.scope).sort((a, b) => b[4].length - a[4].length);
    const owners = [...new Set(all.flatMap(g => g[3]))].sort();
    const filter = el("input", { type: "search", placeholder: "name, id, CIDR", id: "overlap-filter" });
    const owner = el("select", { id: "overlap-owner" }, el("option", { value: "" }, "every owner"),
      owners.map(o => el("option", { value: o }, o)));
    const found = el("div", { "aria-live": "polite" });
    const draw = () => {
      const words = wordsOf(filter.value);
      const list = all.filter(g => (!owner.value || g[3].includes(owner.value)) &&
        (!words.length || g[4].some(i => fits(words, textOf(things[i])))));
      found.replaceChildren(el("p", { class: "soft" }, counted(list.length, "group", "groups") +
        " of networks that share addresses" + (list.length < all.length ? `, of ${all.length}` : "")), lazyList(list, groupBox));
    };
    filter.addEventListener("input", draw);
    owner.addEventListener("change", draw);
    $("view-overlaps").replaceChildren(el("h2", {}, "Overlaps"), el("div", { class: "filters" },
      el("label", { class: "field grow" }, el("span", {}, "Filter"), filter),
      el("label", { class: "field" }, el("span", {}, "Owner"), owner)), found);
    draw();
  }

  function drawRules() {
    const list = inOrder[here.scope].filter(t => t.marks & BREAKS_RULES);
    $("view-rules").replaceChildren(el("h2", {}, "What breaks the rules of its pool"), list.length
      ? lazyList(list, t => entry(t, t.note)) : el("p", { class: "soft" }, "Everything in this scope obeys the rules."));
  }

  /* --- search --- */

  function hits(text) {
    const at = parse(text), words = wordsOf(text);
    if (at) {
      const foundPools = pools.filter(p => p.at.some(c => contains(c, at) || contains(at, c)));
      const found = scopes.flatMap((_, s) => [...new Set([...thingsAround(s, at), ...thingsIn(s, at)])]);
      return { at, pools: foundPools, things: found };
    }
    return {
      pools: pools.filter(p => fits(words, textOf(p))),
      things: things.filter(t => fits(words, textOf(t))),
    };
  }

  function poolEntry(p) {
    return el("div", { class: "entry" }, el("div", {}, p.cidrs.slice(0, 2).map(c => el("div", {}, cidrText(c)))),
      el("div", {}, "Pool ", link(titleOfPool(p), placeOfPool(p)), " ", el("code", { class: "soft" }, p.name ? p.id : "")),
      el("div", {}, p.owner || ""), bar(p));
  }

  function drawSearch(text) {
    const found = hits(text), view = $("view-search");
    const where = found.at ? (found.at.len === bits(found.at.v) ? "contain this address" : "contain this CIDR or lie in it") : "match";
    const count = found.pools.length + found.things.length;
    view.replaceChildren(el("h2", {}, count ? `${counted(found.pools.length, "pool", "pools")} and ${counted(found.things.length, "network or reservation", "networks and reservations")} that ${where}`
      : `Nothing ${found.at ? "contains " : "matches "}“${text}”`),
    lazyList([...found.pools, ...found.things], x => (x.cidrs ? poolEntry(x) : entry(x))));
  }

  /* --- the frame --- */

  function drawTiles() {
    const inScope = inOrder[here.scope];
    const counts = {
      map: ["Map", counted(inScope.filter(t => t.kind === "vpc").length, "network", "networks")],
      pools: ["Pools", number(pools.filter(p => p.scope === here.scope).length)],
      overlaps: ["Overlaps", number(groups.filter(g => g[0] === here.scope).length)],
      rules: ["Breaks rules", number(inScope.filter(t => t.marks & BREAKS_RULES).length)],
    };
    $("tiles").replaceChildren(...VIEWS.map(v => el("a", {
      href: hashOf({ view: v, scope: here.scope }), class: (v === "overlaps" || v === "rules") && counts[v][1] !== "0" ? "bad" : "",
      "aria-current": v === here.view && !$("search").value.trim() ? "page" : null,
    }, counts[v][0], el("span", { class: "count" }, counts[v][1]))));
  }

  const DRAW = { map: drawMap, pools: drawPools, overlaps: drawOverlaps, rules: drawRules };

  function draw() {
    const text = $("search").value.trim();
    $("scope").value = String(here.scope);
    drawTiles();
    for (const v of VIEWS) $("view-" + v).hidden = Boolean(text) || v !== here.view;
    $("view-search").hidden = !text;
    if (text) drawSearch(text);
    else DRAW[here.view]();
  }

  function drawFrame() {
    const many = ipams.length > 1;
    $("scope").replaceChildren(...scopes.map(([id, ipam, type, isDefault], i) => el("option", { value: i },
      `${type}${isDefault ? " (default)" : ""}${many || !isDefault ? " · " + id : ""}${many ? " of " + ipams[ipam][0] : ""}`)));
    $("scope-field").hidden = scopes.length < 2;
    $("about").replaceChildren(`As of ${data.asOf.replace("T", " ").replace("Z", " UTC")} · ${counted(pools.length, "pool", "pools")}, ${counted(things.length, "network or reservation", "networks, subnets and reservations")} · ipamctl ${data.version}`,
      data.incomplete ? el("span", { class: "mark" }, "▲ a state could not be read: this page is incomplete") : "");
    drawLegend();
  }

  function arrived() {
    here = placeOf(location.hash);
    draw();
  }

  /* The cell nearest in a direction, by where it is on the screen. */
  function neighbour(cell, dx, dy) {
    const from = cell.getBoundingClientRect();
    let best = null, least = Infinity;
    for (const other of document.querySelectorAll("#map .cell")) {
      const to = other.getBoundingClientRect();
      const x = to.left - from.left, y = to.top - from.top;
      if (other === cell || (dx ? Math.sign(x) !== dx || Math.abs(y) > 8 : Math.sign(y) !== dy || Math.abs(y) <= 8)) continue;
      const distance = dx ? Math.abs(x) : Math.abs(y) * 1000 + Math.abs(x);
      if (distance < least) [best, least] = [other, distance];
    }
    return best;
  }

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  function pressed(event) {
    const typing = /^(INPUT|SELECT)$/.test(event.target.tagName);
    const cell = event.target.closest && event.target.closest(".cell");
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && $("search").value) {
      $("search").value = "";
      draw();
    } else if (!typing && event.key === "/") {
      event.preventDefault();
      $("search").focus();
    } else if (!typing && (event.key === "Backspace" || event.key === "Escape") && here.view === "map" && up) {
      event.preventDefault();
      go(up);
    } else if (ARROWS[event.key] && cell) {
      const next = neighbour(cell, ...ARROWS[event.key]);
      event.preventDefault();
      if (next) next.focus();
    }
  }

  let waiting;
  $("search").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(draw, 120);
  });
  $("scope").addEventListener("change", () => go({ view: here.view, scope: $("scope").value }));
  window.addEventListener("hashchange", () => {
    $("search").value = "";
    arrived();
  });
  window.addEventListener("beforeprint", () => Object.values(DRAW).forEach(d => d()));
  document.addEventListener("keydown", pressed);
  drawFrame();
  arrived();
})();
