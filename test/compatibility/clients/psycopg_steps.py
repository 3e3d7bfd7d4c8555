"""Steps of psycopg 3: one line of JSON for each."""

import datetime
import hashlib
import json
import sys
import threading
from decimal import Decimal

import psycopg

target = json.loads(sys.argv[1])
name = target["name"]
table = f"{name}_t"


def connect(**more):
    return psycopg.connect(
        host=target["host"],
        port=target["port"],
        user=target["user"],
        password=target["password"],
        dbname=target["database"],
        sslmode="disable",
        gssencmode="disable",
        autocommit=True,
        **more,
    )


def step(title):
    def run(act):
        try:
            line = {"step": title, "result": act()}
        except Exception as error:  # noqa: BLE001
            line = {"step": title, "error": repr(error)}
        print(json.dumps(line, default=repr), flush=True)

    return run


def failure(act):
    try:
        act()
    except psycopg.Error as error:
        return [error.sqlstate, str(error)]
    return "it did not fail"


conn = connect()


def rows(query, values=None, **more):
    return conn.execute(query, values, **more).fetchall()


@step("connect")
def _():
    return rows("select current_user, current_setting('client_encoding'), current_setting('server_version')")


@step("simple query")
def _():
    return rows("select 6 * 7, 'text', null, 'ünï—🚪'")


def inside():
    with conn.transaction():
        conn.execute(f"insert into {table} values (2, 'kept?')")
        conn.execute(f"insert into {table} values (2, 'twice')")


def copy_broken():
    with conn.cursor() as cursor, cursor.copy(f"copy {name}_copy from stdin") as copy:
        copy.write("not a number\tx\n")


def broken_pipeline():
    # Nothing is fetched before the end: where the driver raises would else depend on when answers arrive.
    with conn.pipeline():
        conn.execute("select 1")
        conn.execute("select 1 / %s::int", (0,))
        conn.execute("select 3")


def cancel_when_running(sql, cancel):
    """The test answers with a line once it has seen the server run the statement."""
    print(json.dumps({"running": sql}), flush=True)
    sys.stdin.readline()
    cancel()


values = (
    None,
    "it's ünï—🚪 \\ \n",
    -7,
    9007199254740993,
    Decimal("12345678901234567890.123456789"),
    0.1,
    True,
    b"\x00\x01'\\\xff",
    datetime.datetime(2026, 2, 3, 4, 5, 6, 789000, tzinfo=datetime.timezone.utc),
    [1, 2, 3],
    '{"a": [null, "ü"]}',
)


@step("parameters")
def _():
    casts = "text text int bigint numeric float8 bool bytea timestamptz int[] json".split()
    answers = []
    # Text format, then binary format.
    for mark in ("%s", "%b"):
        marks = ", ".join(f"{'%s' if cast == 'json' else mark}::{cast}" for cast in casts)
        for binary in (False, True):
            answers.append(conn.cursor(binary=binary).execute(f"select {marks}", values).fetchall())
    return answers


@step("prepared statement")
def _():
    return [rows("select %s::int * 2", (value,), prepare=True) for value in (1, 2, None)]


@step("error and going on")
def _():
    return [failure(lambda: rows("selec 1")), failure(lambda: rows("select 1 / %s::int", (0,))), rows("select 1")]


@step("transaction")
def _():
    conn.execute(f"create table {table} (n int primary key, t text)")
    with conn.transaction():
        conn.execute(f"insert into {table} values (%s, %s)", (1, "gone"))
        raise_rollback = psycopg.Rollback()
        with conn.transaction():
            conn.execute(f"insert into {table} values (9, 'inner')")
            raise raise_rollback
    failed = failure(lambda: inside())
    return [failed, rows(f"select * from {table} order by n")]


@step("several statements")
def _():
    cursor = conn.execute("select 1 as a; select 'x;y' as b")
    first = cursor.fetchall()
    cursor.nextset()
    return [first, cursor.fetchall(), failure(lambda: conn.execute("select 1; select 1 / 0; select 2"))]


@step("large result")
def _():
    found = rows("select n, repeat('x', n % 100) from generate_series(1, 50000) n")
    return [len(found), hashlib.sha256(repr(found).encode()).hexdigest()]


@step("large parameter")
def _():
    return rows("select length(%s), md5(%s)", ("ü" * 1_500_000, "ü" * 1_500_000))


@step("bulk in")
def _():
    conn.execute(f"create table {name}_copy (n int, t text)")
    with conn.cursor() as cursor:
        with cursor.copy(f"copy {name}_copy from stdin") as copy:
            for n in range(10_000):
                copy.write_row((n, f"line {n}"))
        with cursor.copy(f"copy {name}_copy from stdin (format binary)") as copy:
            copy.set_types(["int4", "text"])
            for n in range(10_000, 11_000):
                copy.write_row((n, None))
    broken = failure(lambda: copy_broken())
    return [broken, rows(f"select count(*), sum(n), md5(string_agg(t, ',' order by n)) from {name}_copy")]


@step("bulk out")
def _():
    digest = hashlib.sha256()
    with conn.cursor() as cursor, cursor.copy(f"copy (select * from {name}_copy order by n) to stdout") as copy:
        for chunk in copy:
            digest.update(chunk)
    return digest.hexdigest()


@step("cursor")
def _():
    with conn.transaction(), conn.cursor(name="walk") as cursor:
        cursor.itersize = 300
        cursor.execute("select n from generate_series(1, 1000) n")
        return sum(1 for _ in cursor)


@step("pipeline")
def _():
    with conn.pipeline():
        cursors = [conn.execute("select %s::int, %s::text", (n, name)) for n in range(100)]
        found = [cursor.fetchone() for cursor in cursors]
    with conn.cursor() as cursor:
        cursor.executemany(f"insert into {name}_copy values (%s, %s)", [(n, "many") for n in range(100)])
        return [found, cursor.rowcount]


@step("pipeline with an error")
def _():
    return [failure(broken_pipeline), rows("select 4")]


@step("cancel")
def _():
    answers = []
    for cancel in (conn.cancel, conn.cancel_safe):
        waiter = threading.Thread(target=cancel_when_running, args=("select pg_sleep(60)", cancel))
        waiter.start()
        answers.append(failure(lambda: conn.execute("select pg_sleep(60)")))
        waiter.join()
    return [answers, rows("select 1")]


@step("notifications")
def _():
    conn.execute("listen news_py")
    with connect() as other:
        other.execute("select pg_notify('news_py', %s)", ("ünï",))
    return [[heard.channel, heard.payload] for heard in conn.notifies(timeout=20, stop_after=1)]


@step("notices")
def _():
    heard = []
    conn.add_notice_handler(lambda notice: heard.append([notice.severity, notice.message_primary]))
    conn.execute("do $$ begin raise notice 'look %', 1; end $$")
    return heard


@step("reconnect")
def _():
    global conn
    conn.close()
    conn = connect()
    return rows(f"select count(*) from {table}")


@step("very large parameter")
def _():
    return rows("select length(%s)", ("ü" * 9_000_000,))


conn.close()
