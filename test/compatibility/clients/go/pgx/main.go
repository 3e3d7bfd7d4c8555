// Steps of pgx: one line of JSON for each.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

type target struct {
	Host, User, Password, Database, Name string
	Port                                 int
}

var (
	at      target
	conn    *pgx.Conn
	notices []string
	ctx     = context.Background()
)

func connect() *pgx.Conn {
	config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d user=%s password=%s dbname=%s sslmode=disable", at.Host, at.Port, at.User, at.Password, at.Database))
	must(err)
	config.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) { notices = append(notices, notice.Message) }
	opened, err := pgx.ConnectConfig(ctx, config)
	must(err)
	return opened
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func step(name string, act func() any) {
	defer func() {
		if failed := recover(); failed != nil {
			say(map[string]any{"step": name, "error": fmt.Sprint(failed)})
		}
	}()
	say(map[string]any{"step": name, "result": act()})
}

func say(line any) {
	text, err := json.Marshal(line)
	must(err)
	fmt.Println(string(text))
}

func failure(err error) any {
	var told *pgconn.PgError
	if errors.As(err, &told) {
		return []string{told.Code, told.Message}
	}
	return fmt.Sprint(err)
}

func rows(sql string, values ...any) [][]any {
	found, err := conn.Query(ctx, sql, values...)
	must(err)
	return collect(found)
}

func collect(found pgx.Rows) [][]any {
	all, err := pgx.CollectRows(found, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
	must(err)
	return all
}

func exec(sql string, values ...any) error {
	_, err := conn.Exec(ctx, sql, values...)
	return err
}

func parameters(mode pgx.QueryExecMode) any {
	moment := time.Date(2026, 2, 3, 4, 5, 6, 789000000, time.UTC)
	sql := "select $1::text, $2::text, $3::int, $4::bigint, $5::numeric::text, $6::float8, $7::bool, $8::bytea, $9::timestamptz at time zone 'UTC', $10::int[], $11::json"
	return rows(sql, mode, nil, "it's ünï—🚪 \\ \n", -7, int64(9007199254740993), "12345678901234567890.123456789", 0.1, true,
		[]byte{0, 1, 39, 92, 255}, moment, []int32{1, 2, 3}, json.RawMessage(`{"a": [null, "ü"]}`))
}

func transaction() any {
	table := at.Name + "_t"
	must(exec("create table " + table + " (n int primary key, t text)"))
	first, err := conn.Begin(ctx)
	must(err)
	_, err = first.Exec(ctx, "insert into "+table+" values ($1, $2)", 1, "gone")
	must(err)
	must(first.Rollback(ctx))
	second, err := conn.Begin(ctx)
	must(err)
	_, err = second.Exec(ctx, "insert into "+table+" values ($1, $2)", 2, "kept")
	must(err)
	inner, err := second.Begin(ctx)
	must(err)
	_, twice := inner.Exec(ctx, "insert into "+table+" values ($1, $2)", 2, "twice")
	_, after := inner.Exec(ctx, "select 1")
	must(inner.Rollback(ctx))
	must(second.Commit(ctx))
	return []any{failure(twice), failure(after), rows("select * from " + table)}
}

func several() any {
	results, err := conn.PgConn().Exec(ctx, "select 1 as a; select 'x;y' as b; create temp table z (n int); insert into z values (1), (2)").ReadAll()
	must(err)
	tags := []string{}
	for _, result := range results {
		tags = append(tags, result.CommandTag.String())
	}
	_, err = conn.PgConn().Exec(ctx, "select 1; select 1 / 0; select 2").ReadAll()
	return []any{tags, failure(err)}
}

func bulkIn() any {
	table := at.Name + "_copy"
	must(exec("create table " + table + " (n int, t text)"))
	count, err := conn.CopyFrom(ctx, pgx.Identifier{table}, []string{"n", "t"}, pgx.CopyFromSlice(10_000, func(n int) ([]any, error) {
		return []any{n, fmt.Sprintf("line %d", n)}, nil
	}))
	must(err)
	_, err = conn.PgConn().CopyFrom(ctx, strings.NewReader("not a number\tx\n"), "copy "+table+" from stdin")
	return []any{count, failure(err), rows("select count(*), sum(n), md5(string_agg(t, ',' order by n)) from " + table)}
}

func bulkOut() any {
	var out bytes.Buffer
	tag, err := conn.PgConn().CopyTo(ctx, &out, "copy (select * from "+at.Name+"_copy order by n) to stdout (format binary)")
	must(err)
	return []any{tag.String(), fmt.Sprintf("%x", sha256.Sum256(out.Bytes()))}
}

func batch(sql []string) any {
	queue := &pgx.Batch{}
	for n, text := range sql {
		queue.Queue(text, n)
	}
	results := conn.SendBatch(ctx, queue)
	answers := []any{}
	for range sql {
		found, err := results.Query()
		if err != nil {
			answers = append(answers, failure(err))
			continue
		}
		all, err := pgx.CollectRows(found, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
		if err != nil {
			answers = append(answers, failure(err))
		} else {
			answers = append(answers, all)
		}
	}
	return []any{answers, failure(results.Close())}
}

func pipeline() any {
	sql := []string{}
	for range 100 {
		sql = append(sql, "select $1::int, 'batch'")
	}
	low := conn.PgConn().StartPipeline(ctx)
	for n := range 20 {
		low.SendQueryParams("select $1::int * 2", [][]byte{fmt.Append(nil, n)}, nil, nil, nil)
	}
	must(low.Sync())
	total := 0
	for {
		result, err := low.GetResults()
		must(err)
		if _, isSync := result.(*pgconn.PipelineSync); isSync {
			break
		}
		total += len(result.(*pgconn.ResultReader).Read().Rows)
	}
	must(low.Close())
	return []any{batch(sql), total}
}

func cancel() any {
	// The test answers with a line once it has seen the server run the statement.
	go func() {
		say(map[string]any{"running": "select pg_sleep(60)"})
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		_ = conn.PgConn().CancelRequest(ctx)
	}()
	err := exec("select pg_sleep(60)")
	return []any{failure(err), rows("select 1")}
}

func notifications() any {
	must(exec("listen news_go"))
	other := connect()
	_, err := other.Exec(ctx, "select pg_notify('news_go', $1)", "ünï")
	must(err)
	must(other.Close(ctx))
	told, err := conn.WaitForNotification(ctx)
	must(err)
	return []string{told.Channel, told.Payload}
}

func main() {
	must(json.Unmarshal([]byte(os.Args[1]), &at))
	conn = connect()
	step("connect", func() any {
		return rows("select current_user::text, current_setting('client_encoding'), current_setting('server_version')")
	})
	step("simple query", func() any { return rows("select 6 * 7, 'text', null, 'ünï—🚪'", pgx.QueryExecModeSimpleProtocol) })
	step("parameters", func() any {
		return []any{parameters(pgx.QueryExecModeCacheStatement), parameters(pgx.QueryExecModeCacheDescribe), parameters(pgx.QueryExecModeDescribeExec),
			parameters(pgx.QueryExecModeExec), parameters(pgx.QueryExecModeSimpleProtocol)}
	})
	step("prepared statement", func() any {
		_, err := conn.Prepare(ctx, "twice", "select $1::int * 2")
		must(err)
		answers := []any{rows("twice", 1), rows("twice", 2), rows("twice", nil)}
		must(conn.Deallocate(ctx, "twice"))
		return answers
	})
	step("error and going on", func() any {
		return []any{failure(exec("selec 1")), failure(exec("select 1 / $1::int", 0)), rows("select 1")}
	})
	step("transaction", transaction)
	step("several statements", several)
	step("large result", func() any {
		found := rows("select n, repeat('x', n % 100) from generate_series(1, 50000) n")
		return []any{len(found), fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, found)))}
	})
	step("large parameter", func() any {
		return rows("select length($1::text), md5($1::text)", strings.Repeat("ü", 1_500_000))
	})
	step("bulk in", bulkIn)
	step("bulk out", bulkOut)
	step("pipeline", pipeline)
	step("pipeline with an error", func() any {
		return batch([]string{"select $1::int", "select 1 / $1::int - 1 / ($1::int - 1)", "select $1::int"})
	})
	step("cancel", cancel)
	step("notifications", notifications)
	step("notices", func() any {
		notices = nil
		must(exec("do $$ begin raise notice 'look %', 1; end $$"))
		return notices
	})
	step("reconnect", func() any {
		must(conn.Close(ctx))
		conn = connect()
		return rows("select count(*) from " + at.Name + "_t")
	})
	step("very large parameter", func() any { return rows("select length($1::text)", strings.Repeat("ü", 9_000_000)) })
	_ = conn.Close(ctx)
}
