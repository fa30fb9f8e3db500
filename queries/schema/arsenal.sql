-- The tables of fusillade-arsenal that the queries name. Lethe never makes them:
-- this is for sqlc alone, as migrations are for the others.

CREATE TABLE request_templates_g2 (
    created_on     date NOT NULL,
    id             uuid NOT NULL,
    file_id        uuid,
    body           text NOT NULL,
    updated_at     timestamptz NOT NULL
);

CREATE TABLE request_template_routes (
    id         uuid NOT NULL,
    created_on date NOT NULL
);
