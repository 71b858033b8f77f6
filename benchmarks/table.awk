# Makes a table for README.md from the output of go test -bench:
#
#	awk -f table.awk -v only=Verify -v units='ns/op x-bare allocs/op' -v need=x-bare output.txt
#
# A row is a benchmark whose name matches the regular expression "only" and
# that has the unit "need"; a cell is the median of its runs.

/^Benchmark/ && $1 ~ only {
	name = substr($1, length("Benchmark") + 1)
	sub(/-[0-9]+$/, "", name)
	for (i = 3; i < NF; i += 2) {
		if (!((name, $(i + 1)) in runs) && $(i + 1) == need)
			names[++rows] = name
		values[name, $(i + 1), ++runs[name, $(i + 1)]] = $i + 0
	}
}

function median(name, unit,    n, i, j, v) {
	n = runs[name, unit]
	if (n == 0)
		return ""
	for (i = 2; i <= n; i++) {
		v = values[name, unit, i]
		for (j = i - 1; j > 0 && values[name, unit, j] > v; j--)
			values[name, unit, j + 1] = values[name, unit, j]
		values[name, unit, j + 1] = v
	}
	v = values[name, unit, int((n + 1) / 2)]
	if (v >= 100 || (v == int(v) && unit !~ /^x-|\/plain$/))
		return sprintf("%.0f", v)
	return sprintf(v >= 10 ? "%.1f" : v >= 0.1 ? "%.2f" : "%.2g", v)
}

END {
	n = split(units, unit, " ")
	printf "| |"
	for (i = 1; i <= n; i++)
		printf " %s |", unit[i]
	printf "\n|---|"
	for (i = 1; i <= n; i++)
		printf "---:|"
	for (row = 1; row <= rows; row++) {
		printf "\n| %s |", names[row]
		for (i = 1; i <= n; i++)
			printf " %s |", median(names[row], unit[i])
	}
	print ""
}
