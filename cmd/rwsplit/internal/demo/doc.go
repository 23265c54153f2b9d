// Package demo shows rwsplit at work: it starts real servers, lets a shop run on
// them, makes them fail by a script, and shows what comes of it on a page that
// it draws again and again, or in lines of progress.
package demo
