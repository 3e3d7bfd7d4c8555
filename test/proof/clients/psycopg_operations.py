"""Runs a workload with psycopg 3: operations as JSON on the first line of standard input."""

import json
import re
import sys
import threading

import psycopg

target = json.loads(sys.argv[1])
operations = json.loads(sys.stdin.readline())
conn = psycopg.connect(
    host=target["host"],
    port=target["port"],
    user=target["user"],
    password=target["password"],
    dbname=target["database"],
    sslmode="disable",
    gssencmode="disable",
    autocommit=True,
)


def placeholders(sql, count):
    """Text with psycopg's own placeholders: every other value in its binary form."""
    text = sql.replace("%", "%%")
    return re.sub(r"\$(\d)", lambda found: "%b" if count % 2 and int(found[1]) % 2 else "%s", text)


def bound(values):
    return [bytes.fromhex(value["hex"]) if isinstance(value, dict) else value for value in values]


def execute(operation, number):
    sql = placeholders(operation["sql"], number)
    return conn.execute(sql, bound(operation["values"]), prepare="name" in operation)


def cancel():
    """The test answers with a line once it has seen the server run the statement."""
    sys.stdin.readline()
    conn.cancel()


def run(operation, number):
    kind = operation["do"]
    if kind == "query":
        conn.execute(operation["sql"])
    elif kind == "execute":
        execute(operation, number)
    elif kind == "pipeline":
        with conn.pipeline():
            for inner in operation["of"]:
                execute(inner, number)
    elif kind == "rows":
        with conn.transaction(), conn.cursor(name="walk") as cursor:
            cursor.itersize = operation["limit"]
            cursor.execute(operation["sql"])
            list(cursor)
    elif kind == "copy-in":
        with conn.cursor() as cursor, cursor.copy(operation["sql"]) as copy:
            for line in operation["lines"]:
                copy.write(line + "\n")
    elif kind == "copy-out":
        with conn.cursor() as cursor, cursor.copy(operation["sql"]) as copy:
            list(copy)
    elif kind == "cancel":
        waiter = threading.Thread(target=cancel)
        waiter.start()
        print(json.dumps({"running": operation["sql"]}), flush=True)
        try:
            conn.execute(operation["sql"])
        finally:
            waiter.join()


for number, operation in enumerate(operations):
    try:
        run(operation, number)
    except psycopg.Error as error:
        # Many are meant to fail; one that loses the connection is not.
        if conn.closed:
            raise error
conn.close()
