# Draws one run: gnuplot -e "folder='…'" plot.gnuplot reads samples.csv and latency.csv in the folder and writes soak.svg.
set terminal svg size 1100,1180 font "sans-serif,12" background "#ffffff"
set output folder."/soak.svg"
samples = folder."/samples.csv"
latency = folder."/latency.csv"
set datafile separator ","
set datafile columnheaders
set multiplot layout 4,2 columnsfirst margins 0.065,0.98,0.05,0.97 spacing 0.075,0.06
set grid lc rgb "#dddddd"
set border lc rgb "#888888"
set key left top horizontal font ",10" samplen 1.5
set style data lines
set style fill solid 0.85 noborder
set xrange [0:*]
set yrange [0:*]
kinds = "publish edit follow read feed feed_deeper search atom"
colour(n) = word("#d62728 #ff7f0e #8c564b #1f77b4 #2ca02c #17becf #9467bd #7f7f7f", n)
MiB = 1.0

set title "Memory, MiB"
plot samples using "minutes":"rss_mib" title "resident" lw 1.5 lc rgb "#1f77b4", \
     samples using "minutes":"anon_mib" title "allocated" lw 1.5 lc rgb "#d62728", \
     samples using "minutes":"file_mib" title "mapped files" lw 1 lc rgb "#7f7f7f"

set title "Disk, MiB (stacked)"
plot samples using "minutes":(column("search_mib")+column("sst_mib")+column("blob_mib")+column("wal_mib")+column("wal_archive_mib")+column("db_other_mib")) title "old logs, kept" with filledcurves x1 lc rgb "#c7c7c7", \
     samples using "minutes":(column("search_mib")+column("sst_mib")+column("blob_mib")+column("wal_mib")) title "write-ahead log" with filledcurves x1 lc rgb "#7f7f7f", \
     samples using "minutes":(column("search_mib")+column("sst_mib")+column("blob_mib")) title "large values" with filledcurves x1 lc rgb "#1f77b4", \
     samples using "minutes":(column("search_mib")+column("sst_mib")) title "sorted tables" with filledcurves x1 lc rgb "#2ca02c", \
     samples using "minutes":"search_mib" title "search index" with filledcurves x1 lc rgb "#9467bd"

set title "Events that the five workers have not settled"
plot samples using "minutes":"lag" title "lag" lw 1 lc rgb "#d62728", \
     samples using "minutes":"in_flight" title "requests under way" lw 1 lc rgb "#1f77b4"

set title "Processor, % of one core; threads; open files"
plot samples using "minutes":"cpu_percent" title "processor" lw 1 lc rgb "#d62728", \
     samples using "minutes":"threads" title "threads" lw 1.5 lc rgb "#1f77b4", \
     samples using "minutes":"fds" title "open files" lw 1.5 lc rgb "#2ca02c"

set title "Requests answered and changes accepted, thousands"
plot samples using "minutes":(column("requests")/1000) title "requests" lw 1.5 lc rgb "#1f77b4", \
     samples using "minutes":(column("accepted")/1000) title "changes" lw 1.5 lc rgb "#2ca02c", \
     samples using "minutes":(column("events")/1000) title "events in the log" lw 1.5 lc rgb "#9467bd", \
     samples using "minutes":"errors" title "errors (not thousands)" lw 1.5 lc rgb "#d62728"

set logscale y
set yrange [*:*]
set title "Latency, median per window, ms"
plot for [n=1:words(kinds)] latency using "minutes":word(kinds, n)."_p50" title word(kinds, n) noenhanced lw 1.3 lc rgb colour(n)

set title "Latency, 99 in 100 per window, ms"
plot for [n=1:words(kinds)] latency using "minutes":word(kinds, n)."_p99" title word(kinds, n) noenhanced lw 1.3 lc rgb colour(n)

set title "Signing in (argon2id), 50 and 99 in 100, ms"
plot latency using "minutes":"sign_in_p50" title "sign_in p50" noenhanced lw 1.3 lc rgb "#1f77b4", \
     latency using "minutes":"sign_in_p99" title "sign_in p99" noenhanced lw 1.3 lc rgb "#d62728", \
     latency using "minutes":"refresh_p99" title "refresh p99" noenhanced lw 1.3 lc rgb "#2ca02c"
unset multiplot
