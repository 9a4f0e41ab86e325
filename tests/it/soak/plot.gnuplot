# Draws one run: gnuplot -e "folder='…'" plot.gnuplot reads samples.csv and latency.csv in the folder and writes soak.svg.
set terminal svg size 1100,1180 font "sans-serif,12" background "#ffffff"
set output folder."/soak.svg"
samples = folder."/samples.csv"
latency = folder."/latency.csv"
set datafile separator ","
set datafile columnheaders
# Some 120 points per line are enough for the eye.
stats samples using 1 nooutput
step = int(STATS_records / 120) + 1
set multiplot layout 4,2 columnsfirst margins 0.065,0.98,0.03,0.95 spacing 0.075,0.085
set grid lc rgb "#dddddd"
set border lc rgb "#888888"
set key at graph 0.5,1.0 center bottom horizontal font ",10" samplen 1.2
set style data lines
set style fill solid 0.85 noborder
set xrange [0:*]
set yrange [0:*]
kinds = "publish edit follow read feed feed_deeper search atom"
colour(n) = word("#d62728 #ff7f0e #8c564b #1f77b4 #2ca02c #17becf #9467bd #7f7f7f", n)

set title "Memory, MiB" offset 0,1.4
plot samples every step using "minutes":"rss_mib" title "resident" lw 1.5 lc rgb "#1f77b4", \
     samples every step using "minutes":"anon_mib" title "allocated" lw 1.5 lc rgb "#d62728", \
     samples every step using "minutes":"file_mib" title "mapped files" lw 1 lc rgb "#7f7f7f"

set title "Disk, MiB (stacked)" offset 0,1.4
plot samples every step using "minutes":(column("search_mib")+column("sst_mib")+column("blob_mib")+column("wal_mib")+column("wal_archive_mib")+column("db_other_mib")) title "old logs, kept" with filledcurves x1 lc rgb "#c7c7c7", \
     samples every step using "minutes":(column("search_mib")+column("sst_mib")+column("blob_mib")+column("wal_mib")) title "write-ahead log" with filledcurves x1 lc rgb "#7f7f7f", \
     samples every step using "minutes":(column("search_mib")+column("sst_mib")+column("blob_mib")) title "large values" with filledcurves x1 lc rgb "#1f77b4", \
     samples every step using "minutes":(column("search_mib")+column("sst_mib")) title "sorted tables" with filledcurves x1 lc rgb "#2ca02c", \
     samples every step using "minutes":"search_mib" title "search index" with filledcurves x1 lc rgb "#9467bd"

set logscale y
set yrange [1:*]
set title "Events that the five workers have not settled" offset 0,1.4
plot samples using "minutes":(column("lag")+1) title "events, plus one" lw 1 lc rgb "#d62728", \
     samples using "minutes":(column("in_flight")+1) title "requests under way, plus one" lw 1 lc rgb "#1f77b4"

unset logscale y
set yrange [0:*]
set title "Processor, % of one core; threads; open files" offset 0,1.4
plot samples every step using "minutes":"cpu_percent" title "processor" lw 1 lc rgb "#d62728", \
     samples every step using "minutes":"threads" title "threads" lw 1.5 lc rgb "#1f77b4", \
     samples every step using "minutes":"fds" title "open files" lw 1.5 lc rgb "#2ca02c"

set title "Requests answered and changes accepted, thousands" offset 0,1.4
plot samples every step using "minutes":(column("requests")/1000) title "requests" lw 1.5 lc rgb "#1f77b4", \
     samples every step using "minutes":(column("accepted")/1000) title "changes" lw 1.5 lc rgb "#2ca02c", \
     samples every step using "minutes":(column("events")/1000) title "events in the log" lw 1.5 lc rgb "#9467bd", \
     samples every step using "minutes":"errors" title "errors (not thousands)" lw 1.5 lc rgb "#d62728"

set logscale y
set yrange [*:*]
set title "Latency, median per window, ms" offset 0,1.4
plot for [n=1:words(kinds)] latency using "minutes":word(kinds, n)."_p50" title word(kinds, n) noenhanced lw 1.3 lc rgb colour(n)

set title "Latency, 99 in 100 per window, ms" offset 0,1.4
plot for [n=1:words(kinds)] latency using "minutes":word(kinds, n)."_p99" title word(kinds, n) noenhanced lw 1.3 lc rgb colour(n)

set title "Signing in (argon2id), 50 and 99 in 100, ms" offset 0,1.4
plot latency using "minutes":"sign_in_p50" title "sign_in p50" noenhanced lw 1.3 lc rgb "#1f77b4", \
     latency using "minutes":"sign_in_p99" title "sign_in p99" noenhanced lw 1.3 lc rgb "#d62728", \
     latency using "minutes":"refresh_p99" title "refresh p99" noenhanced lw 1.3 lc rgb "#2ca02c"
unset multiplot
