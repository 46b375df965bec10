// Package browser holds no code: its tests make an appliance of real processes and use
// it as people do, in Chromium. Two officers open accounts at a counter, residents sign
// with passkeys on their phones, the hotline suspends. They want the build tag browser,
// because they take minutes: make test-browser, and part of make test.
//
// The Go side makes the appliance and judges what came out of it, with chop validate
// and pdfsig; for the ways to register it puts cards into a virtual reader, and makes the films that cameras
// show. The people are node scripts beside it:
//
//	flow.mjs      the story of TestPeople, in order
//	register.mjs  that of TestRegistration: phones, kiosk, counter
//	speed.mjs     how long a kiosk's people wait for their card's data
//	people.mjs    what an officer and a resident do, step by step
//	camera.mjs    a camera, and who stands before it and does what the page asks
//	house.mjs     browsers, authenticators, and everything that left them
//	eyes.mjs      screenshots, and axe-core on every page
package browser
