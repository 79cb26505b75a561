create schema "we ""ird" ;
create schema other;
comment on schema other is 'a schema; with a ''comment''';
create type other."mo;od" as enum ('so"so', 'it''s', 'ok;');
create domain public.positive as integer not null check (value > 0);
create domain public."text $$" as text default 'x' constraint "c $$" check (value <> '-- TOC entry');
create type public.pair as (a integer, b other."mo;od"[]);
create collation public.ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
create sequence public.shared increment by -7 minvalue -1000 maxvalue 1000 start 500 cycle;
create sequence other.never;
create sequence other.waits;
select setval('other.waits', 77, false);
create function public.doubled(i integer) returns integer language sql immutable as
$$
-- TOC entry 12; 1259 16384 INDEX public x postgres
-- Name: nothing; Type: TABLE; Schema: public
/*
\restrict abc
\unrestrict abc
SET row_security = off;
*/
select 2 * i
$$;
comment on function public.doubled(integer) is E'two\nlines; -- "quoted" ''and'' $$\n\\unrestrict abc';
create function public.touch() returns trigger language plpgsql as $body$ begin raise 'a trigger ran'; end $body$;

create table "we ""ird"."ta.b ""le" (
  "id; --" integer generated always as identity (start with 40 increment by 3) primary key,
  "select" text collate public.ci not null default 'a''b',
  mood other."mo;od" default 'ok;', moods other."mo;od"[], p public.pair, ps public.pair[],
  pos public.positive default 1, dom public."text $$",
  twice integer generated always as (public.doubled(3) * 2) stored,
  constraint "ch ""eck" check ("select" <> '''; drop table x; --'),
  constraint "uni""que" unique ("select") include (mood) with (fillfactor = 71)
);
comment on table "we ""ird"."ta.b ""le" is E'line 1\nline 2 ''q'' "d" \\ ;';
comment on column "we ""ird"."ta.b ""le"."id; --" is 'the ; id';
comment on constraint "uni""que" on "we ""ird"."ta.b ""le" is E'on a\nkey';
comment on constraint "ch ""eck" on "we ""ird"."ta.b ""le" is 'on a check';
create index "in ""dex" on "we ""ird"."ta.b ""le" using btree (lower("select") collate "C" text_pattern_ops desc nulls last, mood) include (pos) with (fillfactor = 50) where pos > 3;
comment on index "we ""ird"."in ""dex" is E'an\nindex';
alter index "we ""ird"."in ""dex" alter column 1 set statistics 333;
create statistics "we ""ird"."sta ts" (dependencies, mcv) on mood, pos from "we ""ird"."ta.b ""le";
comment on statistics "we ""ird"."sta ts" is 'some';
insert into "we ""ird"."ta.b ""le" ("select", mood, moods, p, ps, pos, dom) values
  ('A', 'so"so', '{"so\"so",ok;}', row(1, '{it''s}'), array[row(1, '{ok;}')::public.pair], 4, E'tab\there'),
  ('b', 'it''s', null, null, null, 9, null);

create table public.parts (region text not null, n integer not null, at date not null, note text, primary key (region, n), unique (region, n, at)) partition by list (region);
create table other.parts_a partition of public.parts for values in ('a');
create table public.parts_b partition of public.parts for values in ('b', 'c') partition by range (n);
create table public.parts_b1 (note text, n integer not null, at date not null, region text not null);
alter table public.parts_b attach partition public.parts_b1 for values from (0) to (100);
create table public.parts_b2 partition of public.parts_b default;
create index parts_note on public.parts using btree (note);
create index parts_own on public.parts_b1 (at);
create index parts_half on only public.parts (at, note);
insert into public.parts select case i % 3 when 0 then 'a' when 1 then 'b' else 'c' end, i, date '2024-01-01' + i, 'n' || i from generate_series(1, 200) i;

create table public.refers (id bigint primary key, region text, n integer, other_region text, other_n integer,
  constraint to_parts foreign key (region, n) references public.parts (region, n) match full on delete cascade deferrable initially deferred,
  constraint to_plain foreign key (id) references public.refers (id) on update restrict);
insert into public.refers select i, 'a', 3 * i from generate_series(1, 20) i;
alter table public.refers add constraint not_valid foreign key (other_region, other_n) references public.parts_b2 (region, n) on delete set null (other_n);

create table public.left_side (id integer primary key, r integer);
create table public.right_side (id integer primary key, l integer references public.left_side deferrable initially immediate);
alter table public.left_side add constraint circle foreign key (r) references public.right_side (id);
begin;
alter table public.left_side alter constraint circle deferrable initially deferred;
insert into public.left_side values (1, 1); insert into public.right_side values (1, 1);
commit;
create table public.orphans (id integer, parent integer);
insert into public.orphans values (1, 99), (2, 1);
alter table public.orphans add constraint orphans_fk foreign key (parent) references public.left_side not valid;
alter table public.orphans add constraint orphans_check check (id > 1) not valid;
create table public.on_parts (region text, n integer) partition by hash (n);
create table public.on_parts_0 partition of public.on_parts for values with (modulus 2, remainder 0);
create table public.on_parts_1 partition of public.on_parts for values with (modulus 2, remainder 1);
alter table public.on_parts add constraint on_parts_fk foreign key (region, n) references public.parts (region, n);
insert into public.on_parts select region, n from public.parts;

create table public.slots (id integer constraint slots_later unique deferrable initially deferred, span int4range, kind text unique nulls not distinct,
  constraint no_overlap exclude using gist (span with &&) with (fillfactor = 60) where (id > 0) deferrable);
insert into public.slots values (1, '[1,3)', 'a'), (2, '[3,5)', null);
comment on constraint no_overlap on public.slots is 'none';
create index slots_gist on public.slots using gist (span range_ops);
create index slots_brin on public.slots using brin (id) with (pages_per_range = 7, autosummarize = true);
alter table public.slots cluster on slots_gist;
create unlogged table public.fleeting (id integer not null unique, "desc" numeric(30, 5));
create unique index fleeting_r on public.fleeting ("desc", id);
alter table public.fleeting replica identity using index fleeting_id_key;
insert into public.fleeting values (1, 123456789012345678901234.12345);
create table public.elder (id serial, n integer default nextval('public.shared'), primary key (id));
create table public.younger (extra text, unique (extra)) inherits (public.elder);
insert into public.elder default values; insert into public.younger (extra) values ('e');
create table public.empty_table ();
create table public.toasted (a text not null, b bytea);
alter table public.toasted alter a set storage external, alter b set statistics 17, alter a set (n_distinct = 5);
alter table public.toasted replica identity full;

create view public.seen as select "id; --" as id, "select" from "we ""ird"."ta.b ""le" where "id; --" > 0 with check option;
-- These rely on a primary key, so they can be made only when it is there.
create view public.by_key as select id, r from public.left_side group by id;
create materialized view public.late as select id, r, count(*) as n from public.left_side group by id;
create unique index late_id on public.late (id);
comment on index public.late_id is 'late';
create materialized view other.base as select region, count(*) as n from public.parts group by region;
create unique index base_region on other.base (region);
alter materialized view other.base cluster on base_region;
create materialized view public.above as select sum(n) as total from other.base, (select 1) x;
create view public.between as select total from public.above;
create materialized view public.a_top as select total + 1 as more from public.between;
create materialized view public.never_filled as select 1 as one with no data;
create index never_filled_one on public.never_filled (one);
comment on materialized view public.a_top is E'top;\n--';

create function public.late_function() returns bigint language sql begin atomic select count(*) from (select id, r from public.left_side group by id) x; end;
create procedure other.nothing(inout x integer) language sql as 'select 1';
create aggregate public.together(text) (sfunc = textcat, stype = text, initcond = '');
create operator public.#+# (leftarg = integer, rightarg = integer, function = int4pl);
create function public.pair_to(public.pair) returns integer language sql immutable as 'select $1.a';
create cast (public.pair as integer) with function public.pair_to(public.pair);
create trigger "tri ""gger" before insert or update of "select" on "we ""ird"."ta.b ""le" for each row when (new."select" is distinct from 'x;') execute function public.touch();
comment on trigger "tri ""gger" on "we ""ird"."ta.b ""le" is 'a trigger';
create trigger whole after insert on public.parts for each row execute function public.touch();
alter table public.parts_b1 disable trigger whole;
create constraint trigger later after insert on public.orphans deferrable initially deferred for each row execute function public.touch();
alter table public.orphans enable always trigger later;
create rule "ru;le" as on delete to public.orphans do instead nothing;
create rule quiet as on insert to public.slots do also notify "sl;ots";
alter table public.orphans enable row level security;
alter table public.toasted enable row level security;
alter table public.toasted force row level security;
create policy "po""licy" on public.orphans as restrictive for update to public using (id in (select id from public.left_side)) with check (true);
comment on policy "po""licy" on public.orphans is 'a policy';
create publication "pub;lication" for table public.parts, public.slots where (id > 1) with (publish_via_partition_root = true);
create function public.on_ddl() returns event_trigger language plpgsql as $$ begin raise 'an event trigger ran: %', tg_tag; end $$;
alter default privileges in schema other grant select on tables to public;
grant usage on schema "we ""ird" to public;
grant select, update ("select") on "we ""ird"."ta.b ""le" to public;
revoke execute on function public.doubled(integer) from public;
create event trigger "ev""ent" on ddl_command_end execute function public.on_ddl();
