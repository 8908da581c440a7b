// The last 24 hours in the width of a thumb. Decoration for the eye: the value beside it is what is read aloud.
import type { History, NodeInfo, SeriesInfo } from "../api/types";
import { series_old } from "../lib/freshness";
import { spark_shape } from "../lib/spark";
import { day } from "../lib/time";
import { unreachable_since } from "../state/link";

const box = { width: 132, height: 36, pad: 4 };

export function Spark({ node, series, trend, now }: { node: NodeInfo; series: SeriesInfo; trend: History | undefined; now: number }) {
  if (!trend || !series.last) return null;
  const old = series_old(node, series, now, unreachable_since.value !== null);
  const shape = spark_shape(trend, now - day, now, box, old ? series.last.t : null);
  return (
    <svg class="al-spark" data-age={old ? "old" : "fresh"} viewBox={`0 0 ${box.width} ${box.height}`} aria-hidden="true" focusable="false">
      {shape.grey.map((g) => <rect key={g.x} class="al-grey" x={g.x} y="0" width={g.width} height={box.height} rx="2" />)}
      <path d={shape.path} />
      {shape.end && !old && <circle cx={shape.end.x} cy={shape.end.y} r="2.5" />}
    </svg>
  );
}
