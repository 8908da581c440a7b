// docs/runbook.md, put into the page when it is built (build.mjs).
declare module "alona:runbook" {
  export type Piece = string | { code: string } | { link: string; text: string };
  const runbook: { intro: Piece[][]; sections: { id: string; text: Piece[][] }[] };
  export default runbook;
}
