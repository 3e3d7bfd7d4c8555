// Steps of go-sql-driver/mysql: one line of JSON for each.
package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

type target struct {
	Host, User, Password, Database, Name string
	Port                                 int
}

var (
	at   target
	pool *sql.DB
	conn *sql.Conn
	ctx  = context.Background()
)

func connect() {
	config := mysql.NewConfig()
	config.Net, config.Addr = "tcp", fmt.Sprintf("%s:%d", at.Host, at.Port)
	config.User, config.Passwd, config.DBName = at.User, at.Password, at.Database
	config.MultiStatements, config.ParseTime = true, true
	var err error
	pool, err = sql.Open("mysql", config.FormatDSN())
	must(err)
	conn, err = pool.Conn(ctx)
	must(err)
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
	var told *mysql.MySQLError
	if errors.As(err, &told) {
		return []any{told.Number, string(told.SQLState[:]), told.Message}
	}
	return fmt.Sprint(err)
}

// Every row of every result set, each value as text.
func rows(query string, values ...any) [][]string {
	found, err := conn.QueryContext(ctx, query, values...)
	must(err)
	defer found.Close()
	all := [][]string{}
	for {
		columns, err := found.Columns()
		must(err)
		for found.Next() {
			row := make([]sql.NullString, len(columns))
			into := make([]any, len(columns))
			for n := range row {
				into[n] = &row[n]
			}
			must(found.Scan(into...))
			line := []string{}
			for _, value := range row {
				line = append(line, fmt.Sprint(value))
			}
			all = append(all, line)
		}
		if !found.NextResultSet() {
			break
		}
	}
	must(found.Err())
	return all
}

func exec(query string, values ...any) error {
	_, err := conn.ExecContext(ctx, query, values...)
	return err
}

func parameters() any {
	must(exec("create table " + at.Name + "_p (a text, b text, c int, d bigint, e decimal(40, 10), f double, g tinyint, h blob, i datetime(6))"))
	moment := time.Date(2026, 2, 3, 4, 5, 6, 789000000, time.UTC)
	must(exec("insert into "+at.Name+"_p values (?, ?, ?, ?, ?, ?, ?, ?, ?)", nil, "it's ünï—🚪 \\ \n", -7, int64(9007199254740993),
		"12345678901234567890.123456789", 0.1, true, []byte{0, 1, 39, 92, 255}, moment))
	return rows("select * from "+at.Name+"_p where c = ?", -7)
}

func prepared() any {
	statement, err := conn.PrepareContext(ctx, "select ? * 2")
	must(err)
	defer statement.Close()
	answers := []any{}
	for _, value := range []any{1, 2, nil} {
		var answer sql.NullFloat64
		must(statement.QueryRowContext(ctx, value).Scan(&answer))
		answers = append(answers, answer)
	}
	return answers
}

func transaction() any {
	table := at.Name + "_t"
	must(exec("create table " + table + " (n int primary key, t text)"))
	first, err := conn.BeginTx(ctx, nil)
	must(err)
	_, err = first.Exec("insert into "+table+" values (?, ?)", 1, "gone")
	must(err)
	must(first.Rollback())
	second, err := conn.BeginTx(ctx, nil)
	must(err)
	_, err = second.Exec("insert into "+table+" values (?, ?)", 2, "kept")
	must(err)
	_, twice := second.Exec("insert into "+table+" values (?, ?)", 2, "twice")
	must(second.Commit())
	return []any{failure(twice), rows("select * from " + table)}
}

func bulkIn() any {
	must(exec("create table " + at.Name + "_copy (n int, t text)"))
	marks, values := []string{}, []any{}
	for n := range 10_000 {
		marks = append(marks, "(?, ?)")
		values = append(values, n, fmt.Sprintf("line %d", n))
	}
	must(exec("insert into "+at.Name+"_copy values "+strings.Join(marks, ","), values...))
	return rows("select count(*), sum(n) from " + at.Name + "_copy")
}

func cancel() any {
	var id int64
	must(conn.QueryRowContext(ctx, "select connection_id()").Scan(&id))
	// The test answers with a line once it has seen the server run the statement.
	go func() {
		say(map[string]any{"running": "select sleep(60)"})
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		_, _ = pool.ExecContext(ctx, fmt.Sprintf("kill query %d", id))
	}()
	var answer any
	if err := conn.QueryRowContext(ctx, "select sleep(60)").Scan(&answer); err != nil {
		answer = failure(err)
	}
	return []any{answer, rows("select 1")}
}

func main() {
	must(json.Unmarshal([]byte(os.Args[1]), &at))
	connect()
	step("connect", func() any { return rows("select current_user(), @@character_set_client, version()") })
	step("simple query", func() any { return rows("select 6 * 7, 'text', null, 'ünï—🚪'") })
	step("parameters", parameters)
	step("prepared statement", prepared)
	step("error and going on", func() any {
		return []any{failure(exec("selec 1")), failure(exec("select * from missing where n = ?", 1)), rows("select 1")}
	})
	step("transaction", transaction)
	step("several statements", func() any {
		return []any{rows("select 1 as a; select 'x;y' as b"), failure(exec("select 1; select * from missing; select 2"))}
	})
	step("stored procedure", func() any { return []any{rows("call two_sets(7)"), rows("call two_sets(?)", 8)} })
	step("large result", func() any {
		found := rows("select n, repeat('x', n % 100) from numbers")
		return []any{len(found), fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, found)))}
	})
	step("large parameter", func() any {
		return rows("select length(?), sha2(?, 256)", strings.Repeat("ü", 1_500_000), strings.Repeat("ü", 1_500_000))
	})
	step("very large parameter", func() any { return rows("select length(?)", strings.Repeat("ü", 9_000_000)) })
	step("bulk in", bulkIn)
	step("cancel", cancel)
	step("reset", func() any {
		must(exec("set @a = 1"))
		must(conn.Close())
		var err error
		conn, err = pool.Conn(ctx)
		must(err)
		return rows("select 1")
	})
	step("warnings", func() any { return []any{rows("select cast('x' as signed)"), rows("show warnings")} })
	step("reconnect", func() any {
		must(conn.Close())
		must(pool.Close())
		connect()
		return rows("select count(*) from " + at.Name + "_t")
	})
	must(pool.Close())
}
