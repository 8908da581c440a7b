// The README in each set: for a person who has nothing but the set. docs/backup.md shows the same commands,
// and a test runs them.
#pragma once

#include <string_view>

namespace alona::backup {

inline constexpr std::string_view set_readme =
    R"(This is a backup of an Alona box: its sensors' history, their passwords, its settings.

Where Alona is installed, one command brings it back: sudo alona restore SET, with the path of the file.

How it comes back by hand, with tar, zstd and sqlite3, in the folder that tar made:

  Is there live/db/changes? Then this set holds what has changed since another one, BASE, which MANIFEST names in
  its line "base". With that one beside this one, the database is made of both; the last line must say OK:
    tar --zstd -xOf ../BASE.tar.zst --wildcards '*/live/db/alona.sqlite3' > live/db/alona.sqlite3
    dd if=live/db/changes of=live/db/alona.sqlite3 bs=512 conv=notrunc,sparse
    truncate -r live/db/changes live/db/alona.sqlite3
    sed -n 's/^whole \([0-9a-f]*\) [0-9]* /\1  /p' MANIFEST | sha256sum --check

  Is it whole? Each line ends with OK, then "ok":
    sed -n 's/^file \([0-9a-f]*\) [0-9]* /\1  /p' MANIFEST | sha256sum --check
    sqlite3 live/db/alona.sqlite3 'PRAGMA integrity_check'

  With the core stopped (sudo systemctl stop alona-core), put it in the place of what is there:
    rm -f live/db/changes
    sudo mv /var/lib/alona/live /var/lib/alona/live-before
    sudo cp -a live /var/lib/alona/live
    sudo chown -R --reference=/var/lib/alona /var/lib/alona/live
    sudo chgrp -R mosquitto /var/lib/alona/live/broker
    sudo cp etc/alona.toml etc/mqtt-password /etc/alona/
  then start it again, and the broker: sudo systemctl restart mosquitto alona-core

MANIFEST says when it was taken, by which program, and what is in it. Sealed history is packed; docs/chunks.md of
Alona has a decoder of sixty lines.
)";

}  // namespace alona::backup
