"""Rules that the compiler does not know."""

import re
import subprocess

SOURCES = ("common/**/*.[ch]", "common/**/*.def", "services/**/*.[ch]", "cli/*.[ch]")
# Time comes from the runtime's clock (architecture.md §3), so that ZTC_CLOCK governs all of it.
SQL_CLOCK = re.compile(r"\b(?:now\s*\(\s*\)|(?:transaction|statement|clock)_timestamp\b|current_(?:date|time(?:stamp)?)\b|"
                       r"localtime(?:stamp)?\b|timeofday\s*\()|'(?:now|today|tomorrow|yesterday)'", re.IGNORECASE)
# libzmq 4.3.4 aborts the process when such a peer's pipe is full.
HEARTBEAT = re.compile(r"ZMQ_HEARTBEAT_|zsock_set_heartbeat|heartbeat_ivl", re.IGNORECASE)
SQL_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


def files(root, *patterns):
    return sorted(file for pattern in patterns for file in root.glob(pattern))


def sql_files(root):
    return files(root, "common/*/sql/*.sql", "common/*/migrations/*.sql", "services/*/sql/*.sql", "services/*/migrations/*.sql")


def finds(text):
    return SQL_CLOCK.search(SQL_COMMENT.sub(" ", text)) is not None


def test_no_sql_asks_the_server_for_the_time(root):
    assert [str(file) for file in sql_files(root) if finds(file.read_text(encoding="utf-8"))] == []


def test_the_clock_check_would_notice():
    assert finds("SELECT now()") and finds("select CURRENT_TIMESTAMP") and finds("VALUES ('now')")
    assert not finds("SELECT known() -- now()\n") and not finds('"time" timestamptz')


def test_zeromq_heartbeats_are_never_set(root):
    found = [str(file) for file in files(root, *SOURCES, "deploy/*.py") if HEARTBEAT.search(file.read_text(encoding="utf-8"))]
    assert found == []
    assert HEARTBEAT.search("zmq_setsockopt(s, ZMQ_HEARTBEAT_IVL, &v, sizeof v)")


# Sockets are made and bound in one place only, which gives every one of them what it must have.
SOCKET_MADE = re.compile(r"\b(?:zsock_new(?:_[a-z]+)?|zmq_socket)\s*\(")
SOCKET_BOUND = re.compile(r"\b(?:zsock_bind|zmq_bind)\s*\(")
SOCKET_ROOM = "common/bus/socket.c"
# czmq's zauth cannot tell domains apart (docs/decisions/0010).
ZAUTH = re.compile(r"\bzauth\b|\bzcertstore_")
SERVERS = ("ZMQ_PUB", "ZMQ_ROUTER")


def test_sockets_are_made_in_one_place(root):
    for file in files(root, *SOURCES):
        text, name = file.read_text(encoding="utf-8"), str(file.relative_to(root))
        if name != SOCKET_ROOM:
            assert not SOCKET_MADE.search(text) and not SOCKET_BOUND.search(text), name
        assert not ZAUTH.search(text), name


def function(text, name):
    """The body of a C function as clang-format leaves it."""
    return re.search(rf"^[a-z][^\n;]*\b{name}\([^;{{]*\)\n{{\n.*?^}}", text, re.MULTILINE | re.DOTALL).group(0)


def test_every_socket_has_its_limits(root):
    text = (root / SOCKET_ROOM).read_text(encoding="utf-8")
    made = function(text, "bus_socket_new")
    assert len(SOCKET_MADE.findall(text)) == len(SOCKET_MADE.findall(made)) == 1
    for option in ("MAXMSGSIZE", "LINGER", "RCVHWM", "SNDHWM", "HANDSHAKE_IVL"):
        assert f"ZMQ_{option}" in made, option
    assert re.search(r"#define BUS_HANDSHAKE_MS\s+1000\n", text)


def test_every_server_has_a_domain(root):
    """Each file that makes a socket to be connected to has it served with a pair and a domain, which is enforced."""
    served = function((root / SOCKET_ROOM).read_text(encoding="utf-8"), "bus_socket_serve")
    for option in ("ZMQ_CURVE_SERVER", "ZMQ_ZAP_DOMAIN", "ZAP_ENFORCE_DOMAIN"):
        assert option in served, option
    seen = 0
    for file in files(root, "common/bus/*.c"):
        text = file.read_text(encoding="utf-8")
        makes = any(f"{{{server}," in text for server in SERVERS)
        assert not makes or "bus_socket_serve(" in text, file
        seen += makes
    assert seen == 2


def test_the_socket_checks_would_notice():
    assert SOCKET_MADE.search("zsock_t *s = zsock_new_router(x);") and SOCKET_MADE.search("zmq_socket(context, ZMQ_PUB)")
    assert SOCKET_BOUND.search("zmq_bind(handle, endpoint)") and ZAUTH.search("zactor_new(zauth, NULL)")
    assert not SOCKET_MADE.search("bus_socket_new(&limits)") and not SOCKET_BOUND.search("bus_socket_bind(socket)")


def test_sql_files_are_embedded_byte_for_byte(root):
    """The embedding works by lines, so each must end, and a name must be a C name."""
    for file in sql_files(root):
        assert file.read_bytes().endswith(b"\n"), f"{file}: no newline at its end"
        pattern = r"\d{4}_[a-z0-9_]+" if file.parent.name == "migrations" else r"[a-z][a-z0-9_]*"
        assert re.fullmatch(pattern, file.stem), f"{file}: not a name"


def test_the_embedding_keeps_every_byte(root, tmp_path):
    sql = tmp_path / "sample" / "sql" / "odd.sql"
    sql.parent.mkdir(parents=True)
    migration = tmp_path / "sample" / "migrations" / "0007_odd.sql"
    migration.parent.mkdir()
    text = '-- 鄞州 "quoted" \\back\\\\slash ??= ??/ %s & \\&\n\tSELECT \'a\'\r\n\n;\n'
    sql.write_text(text, encoding="utf-8", newline="")
    migration.write_text(text, encoding="utf-8", newline="")
    for want, name in (("header", "sample_sql.h"), ("source", "sample_sql.c")):
        with open(tmp_path / name, "wb") as out:
            subprocess.run(["awk", "-v", "room=sample", "-v", f"want={want}", "-f", str(root / "deploy/embed_sql.awk"),
                            str(migration), str(sql)], stdin=subprocess.DEVNULL, stdout=out, check=True)
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "sample_sql.h"\n'
        "int main(void)\n{\n"
        "    if (sample_migrations_count != 1 || sample_migrations[0].number != 7 || sample_sql_count != 1 ||\n"
        "        sample_sql_all[0] != &sample_sql_odd)\n        return 1;\n"
        '    fputs(sample_sql_odd.text, stdout);\n    fputs(sample_migrations[0].text, stdout);\n    return 0;\n}\n')
    subprocess.run(["gcc", "-std=c17", "-Wall", "-Wextra", "-Werror", f"-I{root}/common", f"-I{tmp_path}",
                    str(tmp_path / "main.c"), str(tmp_path / "sample_sql.c"), "-o", str(tmp_path / "main")], check=True)
    printed = subprocess.run([str(tmp_path / "main")], capture_output=True, check=True).stdout
    assert printed == 2 * text.encode()
