#include "web/proof_findings.h"

#include <fmt/format.h>

namespace alona::web {
namespace {

constexpr std::size_t named_max = 3;

std::string day(UtcMs t) { return iso8601(t).substr(0, 10); }

std::string or_restore(const ProofPicture& picture, std::string_view otherwise) {
  if (picture.restore.empty()) return std::string(otherwise);
  return fmt::format(
      "What is lost may be in the newest proven backup; this puts that in the place of all that is here: {}",
      picture.restore);
}

Finding of_salvage(const ProofPicture& picture, const store::SalvageNote& note) {
  return {
      "salvaged",
      Level::needs_you,
      fmt::format("The database was damaged; on {} what could be read was copied into a fresh one",
                  day(note.at)),
      fmt::format("{} {}", note.why, note.report),
      fmt::format(
          "{} The damaged file is kept as {}; when nobody needs it any more, delete it, and this line goes.",
          or_restore(picture, "No proven backup is known."), note.kept_as),
      note.at,
      {}};
}

Finding of_damage(const ProofPicture& picture) {
  return {
      "damaged",
      Level::needs_you,
      "The database is damaged",
      picture.damage,
      fmt::format(
          "{} Or restart the box: it then keeps the damaged file aside and goes on with what can be read.",
          or_restore(picture, "No proven backup is known.")),
      {},
      {}};
}

Finding of_chunks(const ProofPicture& picture) {
  std::string which;
  std::size_t named = 0;
  for (const store::Damage& d : picture.proof.damage) {
    if (named++ == named_max) break;
    which += fmt::format("{}{} from {} to {}", which.empty() ? "" : "; ", picture.name(d.series), day(d.from),
                         day(d.to));
  }
  if (picture.proof.damage.size() > named_max)
    which += fmt::format("; and {} more", picture.proof.damage.size() - named_max);
  return {"damaged_history",
          Level::needs_you,
          picture.proof.damage.size() == 1
              ? std::string("A piece of one series’ history is damaged")
              : fmt::format("Pieces of {} series’ history are damaged", picture.proof.damage.size()),
          fmt::format("{}. These pieces are set aside and shown as gaps; everything else is whole.", which),
          or_restore(picture,
                     "No proven backup is known. If more follow, the card is dying: copy the box’s data away "
                     "(alona export) and change it."),
          {},
          {}};
}

constexpr auto look_age_max = std::chrono::days{15};  // each daily backup is a look

std::optional<Finding> of_old_look(const ProofPicture& picture) {
  const auto& since = picture.looked ? picture.looked : picture.box_since;
  if (!since || picture.now - *since <= look_age_max) return std::nullopt;
  return Finding{
      "check_old",
      Level::needs_you,
      fmt::format("Nobody has looked for {} whether the database is whole",
                  duration_text(picture.now - *since)),
      "Each backup looks, and none was made. Damage that is found late may be in every backup that is kept.",
      "Run `alona check --full` on the box, and `sudo alona backup now`, which says what keeps it from one.",
      since,
      {}};
}

}  // namespace

std::vector<Finding> proof_findings(const ProofPicture& picture) {
  std::vector<Finding> all;
  if (!picture.damage.empty()) all.push_back(of_damage(picture));
  if (auto old = of_old_look(picture); old && picture.damage.empty()) all.push_back(std::move(*old));
  if (picture.proof.salvaged && picture.salvage_kept)
    all.push_back(of_salvage(picture, *picture.proof.salvaged));
  if (!picture.proof.damage.empty()) all.push_back(of_chunks(picture));
  return all;
}

}  // namespace alona::web
