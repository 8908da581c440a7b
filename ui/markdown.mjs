// The small part of Markdown that the runbook is written in, as data: a title, a paragraph or more, and sections. What it
// doesn't know ends the build, so that nothing is shown half understood.
//   text: pieces of a paragraph: a string, {code} or {link, text}; a link leads to a section of the same text

const unknown = (line, what) => { throw new Error(`runbook: ${what} in “${line.slice(0, 60)}”: ui/markdown.mjs doesn't know it`); };

function pieces(paragraph) {
  const out = [];
  const known = /`([^`]+)`|\[([^\]]+)\]\(#([a-z_]+)\)/g;
  let end = 0;
  const plain = (text) => {
    if (/[`[\]*<>]|^[-#|]/.test(text)) unknown(text, "markup");
    if (text !== "") out.push(text);
  };
  for (const match of paragraph.matchAll(known)) {
    plain(paragraph.slice(end, match.index));
    out.push(match[1] === undefined ? { link: match[3], text: match[2] } : { code: match[1] });
    end = match.index + match[0].length;
  }
  plain(paragraph.slice(end));
  return out;
}

export function parse(markdown) {
  const out = { intro: [], sections: [] };
  let into = out.intro;
  for (const block of markdown.split(/\n{2,}/).map((text) => text.trim().replace(/\n/g, " ")).filter(Boolean)) {
    const section = /^## ([a-z_]+)$/.exec(block);
    if (section) {
      out.sections.push({ id: section[1], text: (into = []) });
    } else if (!/^# /.test(block)) {
      into.push(pieces(block));
    }
  }
  const ids = new Set(out.sections.map((one) => one.id));
  for (const piece of out.sections.flatMap((one) => one.text.flat())) {
    if (typeof piece !== "string" && piece.link && !ids.has(piece.link)) unknown(piece.link, "a link to nothing");
  }
  return out;
}
