-- Which process has a case's photos: they lie in its memory, and only it can erase them, or say that they are lost.

-- +goose Up
ALTER TABLE registration_remote ADD COLUMN holder text; -- none: no photos, or those of a process that did not say so
