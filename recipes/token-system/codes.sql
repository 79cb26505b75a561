-- Five codes; each grants what invite_codes.tokens says by default.
INSERT INTO invite_codes (code) SELECT 'SPRING-' || i FROM generate_series(1, 5) AS i ON CONFLICT (code) DO NOTHING;
