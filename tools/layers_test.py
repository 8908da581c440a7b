#!/usr/bin/env python3
"""The layers' check finds what it is there to find, and the project itself keeps the layers."""
import tempfile
import unittest
from pathlib import Path

import layers


class Layers(unittest.TestCase):
    def found(self, path: str, text: str) -> list[str]:
        with tempfile.TemporaryDirectory() as root:
            file = Path(root) / "src" / path
            file.parent.mkdir(parents=True)
            file.write_text(text, encoding="utf-8")
            return layers.findings(Path(root))

    def test_a_lower_folder_and_the_own_are_free_to_include(self):
        self.assertEqual([], self.found("ops/a.cc", '#include "base/error.h"\n#include "ops/a.h"\n#include <vector>\n'))

    def test_a_higher_folder_is_found_with_file_and_line(self):
        found = self.found("store/a.cc", '#include <vector>\n#include "ingest/b.h"\n')
        self.assertEqual(['src/store/a.cc:2: store (rank 2) includes "ingest/b.h" of ingest (rank 4)'], found)

    def test_a_sibling_is_found(self):
        self.assertEqual(1, len(self.found("web/a.h", '#include "ops/config.h"\n')))

    def test_a_library_outside_its_folder_is_found(self):
        for line in ("#include <sqlite3.h>", "#include <SQLiteCpp/SQLiteCpp.h>", "#include <boost/asio/ip/tcp.hpp>",
                     "#  include <boost/beast.hpp>", "#include <mosquitto.h>"):
            self.assertEqual(1, len(self.found("ops/a.cc", line + "\n")), line)

    def test_a_library_in_its_folder_is_free(self):
        self.assertEqual([], self.found("store/a.cc", "#include <sqlite3.h>\n"))
        self.assertEqual([], self.found("http/a.cc", "#include <boost/beast/http.hpp>\n"))

    def test_sql_outside_the_store_is_found(self):
        for line in ('run("SELECT 1");', 'x = R"(INSERT INTO node VALUES (1))";', 'exec("PRAGMA user_version");'):
            self.assertEqual(1, len(self.found("web/a.cc", line + "\n")), line)
        self.assertEqual([], self.found("web/a.cc", 'say("Select a node");\n'))

    def test_a_folder_without_rank_is_found(self):
        self.assertEqual(1, len(self.found("novel/a.cc", "int x;\n")))

    def test_the_project_keeps_the_layers(self):
        self.assertEqual([], layers.findings(Path(__file__).resolve().parent.parent))


if __name__ == "__main__":
    unittest.main()
