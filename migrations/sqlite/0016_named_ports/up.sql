-- The host ports that an instance holds besides its first, by name: `admin=20004,metrics=20003`. None: it holds no more.
ALTER TABLE intents ADD COLUMN ports TEXT;
