import type { KnownDifference } from "./document.ts";

/** A schema with one of each kind that pg_dump writes, owned by the role that people get. */
export function fixtureSQL(role: string): string {
  return `
    grant all on schema public to ${role};
    create schema shop authorization ${role};
    set role ${role};
    create type shop.state as enum ('open', 'paid', 'it''s — 🚪');
    create domain shop.price as numeric(10, 2) check (value >= 0);
    create table shop.customers (id int generated always as identity primary key, name text not null unique, note text, photo bytea);
    create table shop.orders (
      id bigserial primary key, customer int references shop.customers on delete cascade, placed timestamptz not null,
      state shop.state not null default 'open', total shop.price, tags text[], extra jsonb
    ) partition by range (id);
    create table shop.orders_1 partition of shop.orders for values from (1) to (1000000);
    create index on shop.orders (placed desc) where state = 'open';
    create view shop.open_orders as select o.id, c.name from shop.orders o join shop.customers c on c.id = o.customer where o.state = 'open';
    create function shop.doubled(n int) returns int language sql immutable as $f$ select n * 2; -- ; '
      $f$;
    create function shop.touch() returns trigger language plpgsql as $$ begin new.note := coalesce(new.note, ''); return new; end $$;
    create trigger touch before insert on shop.customers for each row execute function shop.touch();
    insert into shop.customers (name, note, photo)
      select 'customer ' || n, case when n % 3 = 0 then E'tab\\t and \\\\ and ünï—🚪' end, decode(md5(n::text), 'hex') from generate_series(1, 500) n;
    insert into shop.orders (customer, placed, state, total, tags, extra)
      select 1 + n % 500, timestamptz '2026-02-03 04:05:06+00' + n * interval '1 hour', 'open', n, array['a', null, 'b,c'], '{"a": [1, null]}'
      from generate_series(1, 2000) n;
    reset role;
  `;
}

/** Cells of the matrix that are not ✓, and why: exactly these, so that one more fails the run, and one less too. */
export const postgresDifferences: readonly KnownDifference[] = [
  {
    client: "pg_dump 15",
    server: "PostgreSQL 18",
    step: "bulk out",
    verdict: "fails-directly",
    why: "pg_dump 15 refuses a newer server, with and without the proxy.",
  },
  {
    client: "pg_dump 18",
    server: "PostgreSQL 15",
    step: "bulk in",
    verdict: "fails-directly",
    why: "What pg_dump 18 writes sets parameters that PostgreSQL 15 does not know, so its dump is not restored there.",
  },
];
