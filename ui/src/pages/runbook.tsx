// docs/runbook.md, inside the page: it is at hand when there is no internet, and prints on a few sheets.
import runbook, { type Piece } from "alona:runbook";
import { useEffect } from "preact/hooks";
import { check_title } from "../lib/checks";
import { runbook_link } from "../lib/view";
import { words } from "../words";

const text = words.runbook;
type Section = (typeof runbook.sections)[number];
const heading_id = (id: string): string => `runbook-${id}`;

function Pieces({ pieces }: { pieces: Piece[] }) {
  return (
    <p>
      {pieces.map((piece, i) => {
        if (typeof piece === "string") return piece;
        if ("code" in piece) return <code key={i}>{piece.code}</code>;
        return <a key={i} class="al-link" href={runbook_link(piece.link)}>{check_title(piece.link)}</a>;
      })}
    </p>
  );
}

function Paragraph({ section, chosen }: { section: Section; chosen: boolean }) {
  return (
    <section class="al-card" data-chosen={chosen ? "" : undefined} aria-labelledby={heading_id(section.id)}>
      <h2 id={heading_id(section.id)} tabIndex={-1}>{check_title(section.id)} <span class="al-id">{section.id}</span></h2>
      {section.text.map((pieces, i) => <Pieces key={i} pieces={pieces} />)}
    </section>
  );
}

export function RunbookPage({ at }: { at: string }) {
  useEffect(() => {
    const heading = at === "" ? null : document.getElementById(heading_id(at));
    heading?.focus({ preventScroll: true });
    heading?.parentElement?.scrollIntoView();
  }, [at]);
  return (
    <>
      <div class="al-sentence">
        <p class="al-crumb"><a href="#/system">‹ {words.system.title}</a></p>
        <div class="al-bar"><h1>{text.title}</h1><button type="button" class="al-button" onClick={() => print()}>{text.print}</button></div>
      </div>
      <div class="al-runbook">
        <nav class="al-contents" aria-label={text.contents}>
          <ul>{runbook.sections.map((section) => <li key={section.id}><a href={runbook_link(section.id)} aria-current={section.id === at ? "true" : undefined}>{check_title(section.id)}</a></li>)}</ul>
        </nav>
        <div class="al-paragraphs">
          <div class="al-intro">{runbook.intro.map((pieces, i) => <Pieces key={i} pieces={pieces} />)}</div>
          {runbook.sections.map((section) => <Paragraph key={section.id} section={section} chosen={section.id === at} />)}
        </div>
      </div>
    </>
  );
}
