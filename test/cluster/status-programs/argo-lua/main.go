// Runs Lua scripts as Argo CD does: its engine, its libraries (package, base, table; time and date of os by require), its limit of a second.
// Reads {"script", "object"} as JSON per line; answers {"value"} or {"error"}, one JSON line each.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	lua "github.com/yuin/gopher-lua"
)

const lineMax = 4 << 20
const scriptMax = time.Second

type request struct {
	Script string `json:"script"`
	Object any    `json:"object"`
}

type answer struct {
	Value any    `json:"value"`
	Error string `json:"error,omitempty"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 0, 1<<16), lineMax)
	answers := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var asked request
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		value, err := run(asked)
		said := answer{Value: value}
		if err != nil {
			said.Error = err.Error()
		}
		if err := answers.Encode(said); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func run(asked request) (any, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	libraries := []struct {
		name string
		open lua.LGFunction
	}{
		{lua.LoadLibName, lua.OpenPackage},
		{lua.BaseLibName, lua.OpenBase},
		{lua.TabLibName, lua.OpenTable},
	}
	for _, library := range libraries {
		call := lua.P{Fn: state.NewFunction(library.open), NRet: 0, Protect: true}
		if err := state.CallByParam(call, lua.LString(library.name)); err != nil {
			return nil, err
		}
	}
	state.PreloadModule(lua.OsLibName, loadSafeOs)
	limit, stop := context.WithTimeout(context.Background(), scriptMax)
	defer stop()
	state.SetContext(limit)
	state.SetGlobal("obj", toLua(state, asked.Object))
	if err := state.DoString(asked.Script); err != nil {
		return nil, err
	}
	if state.GetTop() == 0 {
		return nil, nil
	}
	return fromLua(state.Get(-1)), nil
}

// Of os, what tells the time, taken from a state of its own: opening os here would make all of it known. A script must require it.
func loadSafeOs(state *lua.LState) int {
	whole := lua.NewState()
	defer whole.Close()
	all := whole.GetGlobal(lua.OsLibName).(*lua.LTable)
	safe := state.NewTable()
	for _, name := range []string{"date", "time"} {
		safe.RawSetString(name, state.NewFunction(all.RawGetString(name).(*lua.LFunction).GFunction))
	}
	state.Push(safe)
	return 1
}

func toLua(state *lua.LState, value any) lua.LValue {
	switch known := value.(type) {
	case bool:
		return lua.LBool(known)
	case float64:
		return lua.LNumber(known)
	case string:
		return lua.LString(known)
	case []any:
		list := state.CreateTable(len(known), 0)
		for _, item := range known {
			list.Append(toLua(state, item))
		}
		return list
	case map[string]any:
		table := state.CreateTable(0, len(known))
		for key, item := range known {
			table.RawSetString(key, toLua(state, item))
		}
		return table
	}
	return lua.LNil
}

// A table with entries 1 to n is a list; an empty one cannot be told from an empty map and counts as a list, as it does for Argo CD.
func fromLua(value lua.LValue) any {
	switch known := value.(type) {
	case lua.LBool:
		return bool(known)
	case lua.LNumber:
		return float64(known)
	case lua.LString:
		return string(known)
	case *lua.LTable:
		if length := known.MaxN(); length > 0 {
			list := make([]any, 0, length)
			for index := 1; index <= length; index++ {
				list = append(list, fromLua(known.RawGetInt(index)))
			}
			return list
		}
		table := map[string]any{}
		known.ForEach(func(key, item lua.LValue) { table[key.String()] = fromLua(item) })
		if len(table) == 0 {
			return []any{}
		}
		return table
	}
	return nil
}
