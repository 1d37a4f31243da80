// Command qodverify checks Quality-on-Demand proof bundles offline. Its exit
// status is its verdict: see exit.go.
package main

import "os"

func main() { os.Exit(int(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))) }
