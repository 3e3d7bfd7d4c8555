"""Steps of PyMySQL: one line of JSON for each."""

import datetime
import hashlib
import json
import sys
import threading
from decimal import Decimal

import pymysql
from pymysql.constants import CLIENT

target = json.loads(sys.argv[1])
name = target["name"]
table = f"{name}_t"


def connect():
    return pymysql.connect(
        host=target["host"],
        port=target["port"],
        user=target["user"],
        password=target["password"],
        database=target["database"],
        charset="utf8mb4",
        autocommit=True,
        ssl_disabled=True,
        client_flag=CLIENT.MULTI_STATEMENTS,
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
    except pymysql.MySQLError as error:
        return list(error.args)
    return "it did not fail"


conn = connect()


def rows(query, values=None):
    with conn.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


def sets(query):
    found = []
    with conn.cursor() as cursor:
        cursor.execute(query)
        found.append(cursor.fetchall())
        while cursor.nextset():
            found.append(cursor.fetchall())
    return found


@step("connect")
def _():
    return rows("select current_user(), @@character_set_client, version()")


@step("simple query")
def _():
    return rows("select 6 * 7, 'text', null, 'ünï—🚪'")


@step("parameters")
def _():
    rows(f"create table {name}_p (a text, b text, c int, d bigint, e decimal(40, 10), f double, g tinyint, h blob, i datetime(6))")
    values = (
        None,
        "it's ünï—🚪 \\ \n",
        -7,
        9007199254740993,
        Decimal("12345678901234567890.123456789"),
        0.1,
        True,
        b"\x00\x01'\\\xff",
        datetime.datetime(2026, 2, 3, 4, 5, 6, 789000),
    )
    rows(f"insert into {name}_p values (%s, %s, %s, %s, %s, %s, %s, %s, %s)", values)
    return rows(f"select * from {name}_p")


@step("error and going on")
def _():
    return [failure(lambda: rows("selec 1")), failure(lambda: rows("select * from missing")), rows("select 1")]


@step("transaction")
def _():
    rows(f"create table {table} (n int primary key, t text)")
    conn.begin()
    rows(f"insert into {table} values (%s, %s)", (1, "gone"))
    conn.rollback()
    conn.begin()
    rows(f"insert into {table} values (2, 'kept')")
    twice = failure(lambda: rows(f"insert into {table} values (2, 'twice')"))
    conn.commit()
    return [twice, rows(f"select * from {table}")]


@step("several statements")
def _():
    return [sets("select 1 as a; select 'x;y' as b"), failure(lambda: sets("select 1; select * from missing; select 2"))]


@step("stored procedure")
def _():
    return sets("call two_sets(7)")


@step("large result")
def _():
    found = rows("select n, repeat('x', n % 100) from numbers")
    return [len(found), hashlib.sha256(repr(found).encode()).hexdigest()]


@step("large parameter")
def _():
    return rows("select length(%s), sha2(%s, 256)", ("ü" * 1_500_000,) * 2)


@step("very large parameter")
def _():
    return rows("select length(%s)", ("ü" * 9_000_000,))


@step("bulk in")
def _():
    rows(f"create table {name}_copy (n int, t text)")
    with conn.cursor() as cursor:
        count = cursor.executemany(f"insert into {name}_copy values (%s, %s)", [(n, f"line {n}") for n in range(10_000)])
    return [count, rows(f"select count(*), sum(n) from {name}_copy")]


@step("cursor")
def _():
    with conn.cursor(pymysql.cursors.SSCursor) as cursor:
        cursor.execute("select n from numbers limit 1000")
        return [len(cursor.fetchmany(300)), len(cursor.fetchall())]


def cancel_when_running(sql, thread):
    """The test answers with a line once it has seen the server run the statement."""
    print(json.dumps({"running": sql}), flush=True)
    sys.stdin.readline()
    other = connect()
    other.cursor().execute(f"kill query {thread}")
    other.close()


@step("cancel")
def _():
    waiter = threading.Thread(target=cancel_when_running, args=("select sleep(60)", conn.thread_id()))
    waiter.start()
    try:
        answer = rows("select sleep(60)")
    except pymysql.MySQLError as error:
        answer = error.args[0]
    waiter.join()
    return [answer, rows("select 1")]


@step("warnings")
def _():
    return [rows("select cast('x' as signed)"), conn.show_warnings()]


@step("reconnect")
def _():
    conn.ping()
    conn.close()
    conn.ping(reconnect=True)
    return rows(f"select count(*) from {table}")


conn.close()
