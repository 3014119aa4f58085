package blind

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// Place is somewhere that the operator writes things down, and what was found there.
type Place struct {
	// Kind is database, redis, folder or file; Name says which.
	Kind string `json:"kind"`
	Name string `json:"name"`
	// Parts is how many tables, keys or files there were, Bytes how much was read.
	Parts int   `json:"parts"`
	Bytes int64 `json:"bytes"`
	// Proven says that the search found a word that was planted there.
	Proven   bool      `json:"proven"`
	Findings []Finding `json:"findings"`
	// Problem is why it could not be searched; empty where it was.
	Problem string `json:"problem,omitempty"`
}

func (s *search) place(p Place, err error) Place {
	p.Bytes, p.Proven, p.Findings = s.bytes, s.proven, append([]Finding{}, s.found...)
	if err != nil {
		p.Problem = err.Error()
	}
	return p
}

// searchDatabase reads every row of every table as text. It has to see all of
// them: where row-level security would hide some, that is a problem.
func searchDatabase(ctx context.Context, url string, words map[string]string, planted string) Place {
	s, p := newSearch(words, planted), Place{Kind: "database", Name: "Postgres"}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return s.place(p, errors.New("its address is malformed")) // the parser's error may hold a password
	}
	p.Name = "Postgres, " + config.Database
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return s.place(p, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	// Off is no permission: it makes a hidden row an error.
	if _, err := conn.Exec(ctx, `set row_security = off; create temporary table siegel_audit_planted (word text)`); err != nil {
		return s.place(p, err)
	}
	if _, err := conn.Exec(ctx, `insert into siegel_audit_planted values ($1)`, planted); err != nil {
		return s.place(p, err)
	}
	rows, err := conn.Query(ctx, `
		select n.nspname::text, c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_toast'
		  and (n.nspname !~ '^pg_temp' or c.relname = 'siegel_audit_planted')
		order by 1, 2`)
	if err != nil {
		return s.place(p, err)
	}
	tables, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (pgx.Identifier, error) {
		var schema, name string
		err := row.Scan(&schema, &name)
		return pgx.Identifier{schema, name}, err
	})
	if err != nil {
		return s.place(p, err)
	}
	for _, table := range tables {
		w := s.writer(table[1])
		_, err := conn.PgConn().CopyTo(ctx, w, `copy (select x::text from only `+table.Sanitize()+` x) to stdout`)
		if err := errors.Join(err, w.Close()); err != nil {
			return s.place(p, fmt.Errorf("%s: %w", table[1], err))
		}
		p.Parts++
	}
	return s.place(p, nil)
}

// searchRedis reads every key of every database: its name, its value, and the
// value as Redis would dump it.
func searchRedis(ctx context.Context, url string, words map[string]string, planted string) Place {
	s, p := newSearch(words, planted), Place{Kind: "redis", Name: "Redis"}
	options, err := redis.ParseURL(url)
	if err != nil {
		return s.place(p, errors.New("its address is malformed"))
	}
	options.Protocol = 2 // plain lists, however old the server
	first := redis.NewClient(options)
	defer first.Close()
	const key = "siegel-audit-planted"
	if err := first.Set(ctx, key, planted, time.Minute).Err(); err != nil {
		return s.place(p, err)
	}
	defer first.Del(context.WithoutCancel(ctx), key)
	keyspace, err := first.Info(ctx, "keyspace").Result()
	if err != nil {
		return s.place(p, err)
	}
	for line := range strings.Lines(keyspace) {
		name, _, ok := strings.Cut(line, ":")
		number, err := strconv.Atoi(strings.TrimPrefix(name, "db"))
		if !ok || err != nil {
			continue
		}
		each := *options
		each.DB = number
		db := redis.NewClient(&each)
		n, err := s.keys(ctx, db)
		_ = db.Close()
		p.Parts += n
		if err != nil {
			return s.place(p, err)
		}
	}
	return s.place(p, nil)
}

func (s *search) keys(ctx context.Context, db *redis.Client) (n int, err error) {
	read := map[string][]any{"string": {"get"}, "hash": {"hgetall"}, "set": {"smembers"}, "list": {"lrange", 0, -1}, "zset": {"zrange", 0, -1, "withscores"}, "stream": {"xrange", "-", "+"}}
	scan := db.Scan(ctx, 0, "*", 500).Iterator()
	for scan.Next(ctx) {
		key := scan.Val()
		kind, err := db.Type(ctx, key).Result()
		if err != nil {
			return n, err
		}
		where := "key " + short(key)
		s.in([]byte(key), where)
		if dump, err := db.Dump(ctx, key).Result(); err == nil {
			s.in([]byte(dump), where)
		} else if !errors.Is(err, redis.Nil) {
			return n, err
		}
		if command := read[kind]; command != nil {
			value, err := db.Do(ctx, append([]any{command[0], key}, command[1:]...)...).Result()
			if err != nil && !errors.Is(err, redis.Nil) {
				return n, err
			}
			s.in(fmt.Append(nil, value), where)
		}
		n++
	}
	return n, scan.Err()
}

// short keeps a key's name from filling the report.
func short(key string) string {
	if len(key) > 80 {
		return key[:80] + "…"
	}
	return key
}

// searchFile reads a file, to the end that it has now. What is planted stands at
// its end, where the search sees it and the file has it not.
func searchFile(path string, words map[string]string, planted string) Place {
	s, p := newSearch(words, planted), Place{Kind: "file", Name: path}
	p.Parts = 1
	return s.place(p, s.file(path, strings.NewReader(planted)))
}

func (s *search) file(path string, behind io.Reader) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return s.over(io.MultiReader(io.LimitReader(f, info.Size()), behind), path)
}

// searchFolder reads every regular file below a folder, and one that it plants
// there and takes away again.
func searchFolder(root string, words map[string]string, planted string) Place {
	s, p := newSearch(words, planted), Place{Kind: "folder", Name: root}
	plant, err := os.CreateTemp(root, ".siegel-audit-planted-*")
	if err != nil {
		return s.place(p, fmt.Errorf("nothing can be planted there: %w", err))
	}
	defer os.Remove(plant.Name())
	_, err = plant.WriteString(planted)
	if err := errors.Join(err, plant.Close()); err != nil {
		return s.place(p, err)
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // servers remove files of their own
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		p.Parts++
		if err := s.file(path, strings.NewReader("")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
	return s.place(p, err)
}
