-- Where the end of a task is told, if anywhere: a channel, and the recipient of the message.
ALTER TABLE tasks ADD COLUMN callback_channel TEXT;

ALTER TABLE tasks ADD COLUMN callback_url TEXT;
