// Connects with a string as `rds proxy --print go` prints it and nothing else, asks one question, and prints the first value of the answer.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"

	_ "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
)

// ask takes the driver's name, the string, and the question.
func ask(driver, address, question string) (answer string, err error) {
	if driver == "pgx" {
		ctx := context.Background()
		conn, err := pgx.Connect(ctx, address)
		if err != nil {
			return "", err
		}
		defer conn.Close(ctx)
		err = conn.QueryRow(ctx, question).Scan(&answer)
		return answer, err
	}
	pool, err := sql.Open(driver, address)
	if err != nil {
		return "", err
	}
	defer pool.Close()
	err = pool.QueryRow(question).Scan(&answer)
	return answer, err
}

func main() {
	answer, err := ask(os.Args[1], os.Args[2], os.Args[3])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(answer)
}
