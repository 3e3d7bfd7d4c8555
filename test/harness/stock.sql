-- The shop's warehouse, in the MySQL family: a table to change and one to read, with two roles as a team would have them.
create table items (
  id int auto_increment primary key,
  name varchar(64) not null,
  price decimal(10, 2) not null check (price > 0)
);
create table stock (
  item_id int primary key,
  pieces int not null,
  counted_at datetime not null,
  foreign key (item_id) references items (id)
);

insert into items (name, price)
with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 60)
select concat(elt(1 + n % 6, 'Lantern', 'Anchor', 'Compass', 'Rope', 'Sail', 'Chart'), ' no. ', n), 4.5 + (n * 7 % 90) from numbers;

insert into stock (item_id, pieces, counted_at)
select id, id * 13 % 200, timestampadd(minute, id * 97, '2026-01-01 08:00:00') from items;

create user app_owner@'%' identified by '{app_owner}' require ssl;
create user read_only@'%' identified by '{read_only}' require ssl;
grant all on stock.* to app_owner@'%';
grant select on stock.* to read_only@'%';
