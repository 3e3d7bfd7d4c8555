-- A small shop: enough to join, page and change, with two roles as a team would have them.
create role app_owner login password '{app_owner}';
create role read_only login password '{read_only}';
alter role read_only set default_transaction_read_only = on;

grant create on schema public to app_owner;
set role app_owner;

create table customers (
  id int generated always as identity primary key,
  name text not null,
  country char(2) not null,
  since date not null
);
create table products (
  id int generated always as identity primary key,
  name text not null,
  price numeric(10, 2) not null check (price > 0)
);
create table orders (
  id int generated always as identity primary key,
  customer_id int not null references customers,
  placed_at timestamptz not null,
  status text not null check (status in ('open', 'paid', 'shipped', 'returned'))
);
create table order_lines (
  order_id int not null references orders,
  product_id int not null references products,
  quantity int not null check (quantity > 0),
  primary key (order_id, product_id)
);

insert into customers (name, country, since)
select (array['Aurora', 'Basalt', 'Cobalt', 'Dahlia', 'Ember', 'Fjord', 'Garnet', 'Hazel'])[1 + n % 8] || ' '
       || (array['Traders', 'Works', 'Supply', 'Foods', 'Labs'])[1 + n % 5],
       (array['DE', 'FR', 'SE', 'PL', 'IE', 'ES'])[1 + n % 6],
       date '2021-01-04' + n * 3
from generate_series(1, 200) as n;

insert into products (name, price)
select (array['Lantern', 'Anchor', 'Compass', 'Rope', 'Sail', 'Chart'])[1 + n % 6] || ' no. ' || n, 4.5 + (n * 7 % 90)
from generate_series(1, 60) as n;

insert into orders (customer_id, placed_at, status)
select 1 + n * 13 % 200, timestamptz '2026-01-01 08:00+00' + n * interval '97 minutes',
       (array['open', 'paid', 'shipped', 'shipped', 'returned'])[1 + n % 5]
from generate_series(1, 5000) as n;

insert into order_lines (order_id, product_id, quantity)
select o, 1 + (o * 7 + l * 11) % 60, 1 + (o + l) % 4 from generate_series(1, 5000) as o, generate_series(1, 3) as l
on conflict do nothing;

grant select on all tables in schema public to read_only;
reset role;
analyze;
