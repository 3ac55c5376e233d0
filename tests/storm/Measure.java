// SPDX-License-Identifier: Apache-2.0
// Storm's own shell bolt at work: lines of a file to a program, and its words to a bolt that drops them.
// Measure FILE COMMAND...: prints the seconds from the first line that goes out to the last ack, and those of
// the processor time of the JVM between the two. See `measure`.

import com.sun.management.OperatingSystemMXBean;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.apache.storm.Config;
import org.apache.storm.LocalCluster;
import org.apache.storm.spout.SpoutOutputCollector;
import org.apache.storm.task.ShellBolt;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.BasicOutputCollector;
import org.apache.storm.topology.IRichBolt;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.topology.base.BaseBasicBolt;
import org.apache.storm.topology.base.BaseRichSpout;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.tuple.Values;

public class Measure {
    static final CountDownLatch over = new CountDownLatch(1);
    static long words;

    // Of this process; the program's is the same wherever it runs.
    static long cpu() {
        return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getProcessCpuTime();
    }

    public static class Lines extends BaseRichSpout {
        private final String path;
        private transient BufferedReader reader;
        private transient SpoutOutputCollector collector;
        private long begun, spent, sent, acked;
        private boolean read;

        Lines(String path) {
            this.path = path;
        }

        @Override
        public void open(Map<String, Object> conf, TopologyContext context, SpoutOutputCollector collector) {
            this.collector = collector;
            try {
                reader = Files.newBufferedReader(Paths.get(path));
            } catch (IOException e) {
                throw new RuntimeException(e);
            }
        }

        @Override
        public void nextTuple() {
            try {
                String line = read ? null : reader.readLine();
                read = line == null;
                if (begun == 0) {
                    begun = System.nanoTime();
                    spent = cpu();
                }
                if (line != null) {
                    collector.emit(new Values(line), sent++);
                }
            } catch (IOException e) {
                throw new RuntimeException(e);
            }
        }

        @Override
        public void ack(Object id) {
            acked++;
            if (read && acked == sent) {
                System.out.printf("%.3f %.2f %d%n", (System.nanoTime() - begun) / 1e9, (cpu() - spent) / 1e9, words);
                over.countDown();
            }
        }

        @Override
        public void fail(Object id) {
            throw new RuntimeException("line " + id + " has failed");
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
            declarer.declare(new Fields("line"));
        }
    }

    public static class Split extends ShellBolt implements IRichBolt {
        Split(String... command) {
            super(command);
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
            declarer.declare(new Fields("word"));
        }

        @Override
        public Map<String, Object> getComponentConfiguration() {
            return null;
        }
    }

    public static class None extends BaseBasicBolt {
        @Override
        public void execute(Tuple tuple, BasicOutputCollector collector) {
            words++;
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
        }
    }

    public static void main(String[] args) throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        Config conf = new Config();

        builder.setSpout("lines", new Lines(args[0]));
        builder.setBolt("split", new Split(Arrays.copyOfRange(args, 1, args.length))).shuffleGrouping("lines");
        builder.setBolt("none", new None()).shuffleGrouping("split");
        conf.setMaxSpoutPending(1000);
        conf.setMessageTimeoutSecs(600);
        LocalCluster cluster = new LocalCluster();
        cluster.submitTopology("measure", conf, builder.createTopology());
        over.await();
        System.exit(0);
    }
}
