package functions;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/** The functions of test_java.py, one nested class per handler. */
public final class Functions {
    private Functions() {}

    static void pause(long milliseconds) {
        try {
            Thread.sleep(milliseconds);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Takes and returns maps; what it does is in the event. */
    public static final class Maps implements RequestHandler<Map<String, Object>, Map<String, Object>> {
        private final AtomicInteger calls = new AtomicInteger();
        private final List<ByteBuffer> held = new ArrayList<>();

        @Override
        public Map<String, Object> handleRequest(Map<String, Object> event, Context context) {
            if (event.containsKey("log")) {
                context.getLogger().log("by the logger\n");
                System.out.println("by standard output");
                System.err.println("by standard error");
            }
            if (event.containsKey("fail")) {
                throw new IllegalStateException((String) event.get("fail"));
            }
            if (event.containsKey("exit")) {
                System.exit((Integer) event.get("exit"));
            }
            if (event.containsKey("sleep_ms")) {
                pause((Integer) event.get("sleep_ms"));
            }
            if (event.containsKey("heap_mb")) {
                hold((Integer) event.get("heap_mb"), false);
            }
            if (event.containsKey("native_mb")) {
                hold((Integer) event.get("native_mb"), true);
            }
            Map<String, Object> answer = new LinkedHashMap<>();
            answer.put("event", event);
            answer.put("calls", calls.incrementAndGet());
            answer.put("id", context.getAwsRequestId());
            answer.put("name", context.getFunctionName());
            answer.put("version", context.getFunctionVersion());
            answer.put("arn", context.getInvokedFunctionArn());
            answer.put("memory", context.getMemoryLimitInMB());
            answer.put("in_time", context.getRemainingTimeInMillis() > 0);
            answer.put("execution_env", System.getenv("AWS_EXECUTION_ENV"));
            answer.put("options", ManagementFactory.getRuntimeMXBean().getInputArguments());
            answer.put("class_path", System.getProperty("java.class.path"));
            answer.put("loader", getClass().getClassLoader().getClass().getSimpleName());
            answer.put("processors", Runtime.getRuntime().availableProcessors());
            return answer;
        }

        private void hold(int megabytes, boolean outside) {
            for (int i = 0; i < megabytes; i++) {
                ByteBuffer b = outside ? ByteBuffer.allocateDirect(1 << 20) : ByteBuffer.allocate(1 << 20);
                for (int at = 0; at < b.capacity(); at += 4096) {
                    b.put(at, (byte) 1);
                }
                held.add(b);
            }
        }
    }

    /** Bytes in, the same bytes out, in upper case. */
    public static final class Streams implements RequestStreamHandler {
        @Override
        public void handleRequest(InputStream in, OutputStream out, Context context) throws IOException {
            byte[] bytes = in.readAllBytes();
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = (byte) Character.toUpperCase((char) bytes[i]);
            }
            out.write(bytes);
        }
    }

    /** A plain object as event and answer, by the name of a method. */
    public static final class Objects {
        public static final class Order {
            private String item;
            private int count;

            public String getItem() {
                return item;
            }

            public void setItem(String item) {
                this.item = item;
            }

            public int getCount() {
                return count;
            }

            public void setCount(int count) {
                this.count = count;
            }
        }

        public Order twice(Order order) {
            order.setCount(2 * order.getCount());
            return order;
        }
    }

    /** Its class takes as many milliseconds to load as the package's file start-ms says: part of the initialisation. */
    public static final class SlowStart implements RequestHandler<Map<String, Object>, String> {
        static {
            try {
                String file = System.getenv("LAMBDA_TASK_ROOT") + "/start-ms";
                pause(Long.parseLong(Files.readString(Paths.get(file))));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public String handleRequest(Map<String, Object> event, Context context) {
            return "started";
        }
    }

    /** Its class cannot be loaded. */
    public static final class NoStart implements RequestHandler<Map<String, Object>, String> {
        static final int NUMBER = Integer.parseInt("none");

        @Override
        public String handleRequest(Map<String, Object> event, Context context) {
            return "never";
        }
    }
}
