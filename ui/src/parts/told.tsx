// What the box says, with the commands in it set as such: it writes them between backticks. Text, never markup.
export function Told({ text }: { text: string }) {
  const pieces = text.split("`");
  if (pieces.length % 2 === 0) return <>{text}</>;  // one is alone: nothing is meant by it
  return <>{pieces.map((piece, i) => (i % 2 === 1 ? <code key={i}>{piece}</code> : piece))}</>;
}
